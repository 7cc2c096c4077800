//! The fixed sequence of label colours.

/// Red, green and blue, gamma encoded (sRGB).
pub type Colour = [u8; 3];

/// The first twelve differ in every common kind of colour vision: CIEDE2000 of 12 or more between any two, normal and in
/// Machado's (2009) simulation of deuteranopia, protanopia and tritanopia. Left and right of a structure, added one
/// after the other, mostly share a hue.
const FIRST: [Colour; 12] = [
    [0xea, 0x75, 0x01],
    [0xf3, 0xdb, 0x2e],
    [0x2e, 0xaa, 0x6f],
    [0x2d, 0x7e, 0x54],
    [0xb7, 0x72, 0xa4],
    [0x8e, 0x4c, 0x7d],
    [0x85, 0x79, 0xed],
    [0x5a, 0x54, 0xc3],
    [0x63, 0xed, 0xf6],
    [0x8a, 0xb2, 0xf5],
    [0xc6, 0x11, 0x18],
    [0xff, 0xaf, 0xa9],
];

/// Bits of each channel of a tint.
const BITS: u32 = 7;
/// Darkest channel of a tint: neither black nor vivid.
const DARKEST: u8 = 80;
/// Least difference between the channels of a tint, so that none is taken for the grey of a scan.
const LEAST_CHROMA: u8 = 40;

/// All colours in order, no two alike: first the twelve, then muted tints, of which neighbours in the sequence lie far
/// apart. They are more than there are label values. The tints cannot all be told apart, least of all by everyone.
pub fn sequence() -> impl Iterator<Item = Colour> {
    FIRST.into_iter().chain((0..1 << (3 * BITS)).map(tint).filter(is_no_grey))
}

/// The bits of a number dealt to the three channels in turn, the lowest ones to the highest bits of the channels.
fn tint(number: u32) -> Colour {
    let bit = |channel: u32, level: u32| (number >> (3 * level + channel) & 1) << (BITS - 1 - level);
    let value = |channel| (0..BITS).map(|level| bit(channel, level)).sum::<u32>() as u8;
    [0, 1, 2].map(|channel| DARKEST + value(channel))
}

fn is_no_grey(colour: &Colour) -> bool {
    let [r, g, b] = *colour;
    r.max(g).max(b) - r.min(g).min(b) >= LEAST_CHROMA
}

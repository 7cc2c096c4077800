//! The first twelve label colours are told apart in every common kind of colour vision.
//!
//! CIEDE2000 (Sharma, Wu and Dalal 2005) after Machado, Oliveira and Fernandes' (2009) simulation at full severity in
//! linear RGB.

use crate::scene::*;
use exemplar::document::*;

type Colour3 = [f64; 3];
type Matrix = [[f64; 3]; 3];

const NORMAL: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
const PROTAN: Matrix =
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];
const DEUTAN: Matrix =
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];
const TRITAN: Matrix =
    [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]];
/// Linear sRGB to CIE XYZ, D65.
const XYZ: Matrix =
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]];

fn times(m: &Matrix, v: Colour3) -> Colour3 {
    m.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
}

/// CIE L*a*b* of a colour as a kind of vision sees it.
fn lab(colour: Colour, vision: &Matrix) -> Colour3 {
    let linear = colour.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let seen = times(vision, linear).map(|c| c.clamp(0.0, 1.0));
    let [x, y, z] = times(&XYZ, seen);
    let [x, y, z] = [x / 0.95047, y, z / 1.08883]
        .map(|t| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn ciede2000([l1, a1, b1]: Colour3, [l2, a2, b2]: Colour3) -> f64 {
    let mean_chroma = (a1.hypot(b1) + a2.hypot(b2)) / 2.0;
    let seventh = |c: f64| (c.powi(7) / (c.powi(7) + 25_f64.powi(7))).sqrt();
    let g = 0.5 * (1.0 - seventh(mean_chroma));
    let polar = |a: f64, b: f64| {
        let a = a * (1.0 + g);
        (a.hypot(b), b.atan2(a).to_degrees().rem_euclid(360.0))
    };
    let ((c1, h1), (c2, h2)) = (polar(a1, b1), polar(a2, b2));
    let (dl, dc) = (l2 - l1, c2 - c1);
    let turn = (h2 - h1 + 180.0).rem_euclid(360.0) - 180.0;
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();
    let (l, c) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let h = if c1 * c2 == 0.0 { h1 + h2 } else { (h1 + turn / 2.0).rem_euclid(360.0) };
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0)
        - 0.20 * cos(4.0 * h - 63.0);
    let sl = 1.0 + 0.015 * (l - 50.0).powi(2) / (20.0 + (l - 50.0).powi(2)).sqrt();
    let (sc, sh) = (1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let theta = 30.0 * (-((h - 275.0) / 25.0).powi(2)).exp();
    let rt = -2.0 * seventh(c) * (2.0 * theta).to_radians().sin();
    let [l, c, h] = [dl / sl, dc / sc, dh / sh];
    (l * l + c * c + h * h + rt * c * h).sqrt()
}

#[test]
fn the_formula_gives_the_published_values() {
    // Pairs 1, 9 and 17 of Sharma et al., table 1.
    for (one, other, wanted) in [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0009], 7.1792),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
    ] {
        assert!((ciede2000(one, other) - wanted).abs() < 1e-3, "{}", ciede2000(one, other));
    }
}

#[test]
fn the_first_colours_differ_for_everyone() {
    let (mut document, mut history, _) = opened(SHAPE);
    let mut draft = document.draft();
    for _ in 4..12 {
        draft.add_label(None, None).unwrap();
    }
    draft.commit(&mut history, "Labels", START);
    let colours: Vec<Colour> = document.labels().iter().map(|(_, label)| label.colour).collect();
    assert_eq!(colours.len(), 12);
    for vision in [NORMAL, PROTAN, DEUTAN, TRITAN] {
        for (i, one) in colours.iter().enumerate() {
            for other in &colours[..i] {
                let distance = ciede2000(lab(*one, &vision), lab(*other, &vision));
                assert!(distance >= 12.0, "{one:x?} and {other:x?}: {distance:.1}");
            }
        }
    }
}

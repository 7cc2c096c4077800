//! Draws every task, augmentation and synthetic subject into `assets/docs/tasks.png`, whose README tells the rows:
//! `cargo bench --profile dev --workspace --bench tasks -- FOLDER`, where FOLDER holds one subject's whole head and labels
//! by FreeSurfer, `T1.nii.gz` and `aseg.nii.gz`. Says how long each row took.

use image::{GrayImage, Luma};
use imaging::Cube;
use imaging::filter::{Deformation, LabelCube};
use imaging::io::Scan;
use imaging::random::{Generator, generator};
use inference::preprocess::partial_volume::partial_volumes;
use inference::preprocess::working_grid::cube_index;
use inference::preprocess::{Reorientation, WorkingGrid};
use learning::augment::{Augmentation, Chance, Change, Gin, Material};
use learning::synthesis::{Classes, Contrast, Shapes, Synthesis, Tissue};
use learning::tasks::*;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Side of the working grid, and of a tile in pixels.
const SIDE: usize = 80;
/// Pixels between tiles of a pair, between draws, and to the left of a row for its number.
const GAPS: [usize; 3] = [1, 6, 16];
const DRAWS: usize = 3;
/// Rows of one of the two columns.
const ROWS: usize = 14;
/// FreeSurfer's labels of both hippocampi and thalami, and of the lateral ventricles.
const DEEP: [u16; 6] = [10, 49, 17, 53, 4, 43];
/// Height of the slice shown, as a part of the side.
const HEIGHT: f32 = 0.5;

/// A row's pairs, left to right.
type Row = Vec<Pair>;

fn main() {
    let folder: PathBuf =
        std::env::args().skip(1).rfind(|word| !word.starts_with("--")).expect("FOLDER is an argument").into();
    let subject = read(&folder);
    let (mut sheet, mut rows) = (Sheet::new(), 0);
    for (name, row) in tasks().into_iter().chain(augmentations()).chain(synthetic()) {
        let start = Instant::now();
        rows += 1;
        let pair = |draw| row(&subject, draw, &mut generator(rows as u64, draw as u64));
        let pairs: Row = (0..DRAWS).map(pair).collect();
        let each = start.elapsed() / DRAWS as u32;
        println!("{rows:2} {name:32} {each:8.1?} each");
        sheet.add(rows, &pairs);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/docs/tasks.png");
    sheet.picture.save(&path).unwrap();
    println!("{}", path.display());
}

/// The head on the working grid, with a second modality made from its labels.
fn read(folder: &Path) -> Subject {
    let open = |name: &str| Scan::open(&folder.join(name), 0).unwrap();
    let (scan, labels) = (open("T1.nii.gz"), open("aseg.nii.gz").labels().unwrap());
    let order = Reorientation::of(&scan.volume.grid);
    let body = order.image_to_ras(&scan.volume).unwrap();
    let frame = WorkingGrid::around_foreground(&body, SIDE).unwrap();
    let head = frame.image(&body, frame.intensity_range(&body).unwrap()).unwrap();
    let labels = order.labels_to_ras(&labels).unwrap();
    let structures = Structures::soft(SIDE, &partial_volumes(&labels, &frame.taps()).unwrap());
    let mut rng = generator(3, 0);
    let synthesis = Synthesis { black: 1.0, thick: (0.0, 1.0), coarse: (0.0, 1.0), ..Synthesis::default() };
    let contrast = synthesis.contrast(&classes(&structures), &mut rng);
    let other = synthesis.image(&structures.largest(), &contrast, &mut rng);
    Subject { images: vec![head, other], structures }
}

/// Left and right look alike: FreeSurfer numbers most structures of the right as 39 or 36 more than those of the left.
fn classes(structures: &Structures) -> Classes {
    let class = |label: u16| match label {
        41..=52 => label - 39,
        53..=54 => label - 36,
        58 | 60 => label - 32,
        _ => label,
    };
    structures.labels().into_iter().map(|label| (label, class(label))).collect()
}

/// What makes the pair of one draw.
type Draw = Box<dyn Fn(&Subject, usize, &mut Generator) -> Pair>;

fn tasks() -> Vec<(String, Draw)> {
    let row = |kind: Kind| {
        let draw = move |subject: &Subject, draw: usize, rng: &mut Generator| {
            let mut tasks = Tasks::preset(Preset::Paper);
            tasks.extra = Tasks::preset(Preset::Release).extra;
            let modalities = if kind == Kind::ModalityTransform { 2 } else { 1 };
            let labels = subject.structures.labels();
            let mut task = tasks.task(kind, modalities, &labels, rng);
            // Of the three axes the two that an axial slice shows.
            if let Goal::Restore { corruption: Corruption::Slices(slices), .. } = &mut task.goal {
                slices.axis = 1 + draw % 2;
            }
            task.pair(subject, rng)
        };
        (format!("{kind:?}"), Box::new(draw) as Draw)
    };
    Kind::ALL.into_iter().map(row).collect()
}

fn augmentations() -> Vec<(String, Draw)> {
    let preset = |preset, change: fn(&Change) -> bool| {
        let all = Augmentation::preset(preset).segmentation;
        all.into_iter().map(|chance| chance.change).rfind(change).unwrap()
    };
    let deformation = |change: &Change| matches!(change, Change::Deform(_));
    let bend = Deformation { rotation: 0.0, scale: 0.0, shear: 0.0, shift: 0.0, points: 7, bend: [0.03; 2] };
    let changes = [
        ("inverted input", Change::InvertInput),
        ("inverted output", Change::InvertOutput),
        ("edges of the output", Change::Edges { threshold: 0.3 }),
        ("dilated or eroded output", Change::DilateOrErode),
        ("flip", Change::Flip { axis: 2 }),
        ("turn", Change::Turn { axes: [1, 2] }),
        ("subsampling", Change::Subsample { factors: vec![2, 3, 4] }),
        ("shift of intensities", Change::Shift { by: 0.2, output: false }),
        ("scale of intensities", Change::Scale { by: 0.3, output: false }),
        ("gamma", Change::Gamma { log_sd: 0.3 }),
        ("noise", Change::Noise { sd: 0.1 }),
        ("blur", Change::Blur { sd: [0.3, 1.0] }),
        ("thick slices", Change::ThickSlices { spacing: [0.015, 0.05] }),
        ("deformation, release", preset(Preset::Release, deformation)),
        ("deformation, Exemplar", preset(Preset::Exemplar, deformation)),
        ("strong bend", Change::Deform(bend)),
        ("random network (GIN)", Change::Gin(Gin::default())),
    ];
    let row = |(name, change): (&'static str, Change)| {
        let list = vec![Chance { probability: 1.0, change }];
        let augmentation = Augmentation { segmentation: list, generation: vec![], shapes: vec![] };
        let draw = move |subject: &Subject, _: usize, rng: &mut Generator| {
            let output = subject.structures.mask(&DEEP);
            let mut pair = Pair { input: subject.images[0].clone(), output };
            augmentation.draw(Material::Segmentation, 1.0, rng).apply(&mut pair, rng);
            pair
        };
        (name.into(), Box::new(draw) as Draw)
    };
    changes.into_iter().map(row).collect()
}

fn synthetic() -> Vec<(String, Draw)> {
    let pair = |labels: &LabelCube, rng: &mut Generator| {
        let synthesis = Synthesis::default();
        let structures = Structures::whole(labels);
        let contrast = synthesis.contrast(&classes(&structures), rng);
        let mut subject = synthesis.subject(labels, &[contrast], &[], rng);
        Pair { input: subject.images.remove(0), output: shades(&subject.structures.largest(), rng) }
    };
    let from_labels =
        move |subject: &Subject, _: usize, rng: &mut Generator| pair(&subject.structures.largest(), rng);
    let from_shapes =
        move |_: &Subject, _: usize, rng: &mut Generator| pair(&Shapes::default().draw(SIDE, rng), rng);
    vec![
        ("synthetic contrast".into(), Box::new(from_labels)),
        ("random shapes".into(), Box::new(from_shapes)),
    ]
}

/// Labels in grey levels of their own.
fn shades(labels: &LabelCube, rng: &mut Generator) -> Cube {
    let looks = (1..=255).map(|label| (label, Tissue { mean: f32::from(label * 97 % 256), spread: 0.0 }));
    let plain =
        Synthesis { bias: 0.0, gamma: 0.0, thick: (0.0, 1.0), coarse: (0.0, 1.0), ..Synthesis::default() };
    plain.image(labels, &Contrast(looks.collect()), rng)
}

/// The picture in the making.
struct Sheet {
    picture: GrayImage,
}

impl Sheet {
    fn width() -> usize {
        GAPS[2] + DRAWS * (2 * SIDE + GAPS[0] + GAPS[1])
    }

    fn new() -> Self {
        let size = [2 * Self::width(), ROWS * (SIDE + GAPS[1]) + GAPS[1]].map(|n| n as u32);
        Self { picture: GrayImage::from_pixel(size[0], size[1], Luma([255])) }
    }

    /// The axial slices of a row's pairs, seen from the feet, with the row's number.
    fn add(&mut self, number: usize, pairs: &[Pair]) {
        let row = number - 1;
        let left = row / ROWS * Self::width();
        let top = GAPS[1] + row % ROWS * (SIDE + GAPS[1]);
        for (n, pair) in pairs.iter().enumerate() {
            for (m, cube) in [&pair.input, &pair.output].into_iter().enumerate() {
                let left = left + GAPS[2] + n * (2 * SIDE + GAPS[0] + GAPS[1]) + m * (SIDE + GAPS[0]);
                self.tile(left, top, cube);
            }
        }
        self.digits(number, left + 3, top);
    }

    fn tile(&mut self, left: usize, top: usize, cube: &Cube) {
        let z = (HEIGHT * SIDE as f32) as usize;
        for y in 0..SIDE {
            for x in 0..SIDE {
                let value = cube.voxels[cube_index(SIDE, [SIDE - 1 - x, SIDE - 1 - y, z])];
                let pixel = Luma([(value.clamp(0.0, 1.0) * 255.0) as u8]);
                self.picture.put_pixel((left + x) as u32, (top + y) as u32, pixel);
            }
        }
    }

    /// A number in digits of 3 × 5 pixels.
    fn digits(&mut self, number: usize, left: usize, top: usize) {
        /// Rows of each digit from the top, three bits each.
        const DIGITS: [u16; 10] = [
            0b111_101_101_101_111,
            0b010_110_010_010_111,
            0b111_001_111_100_111,
            0b111_001_111_001_111,
            0b101_101_111_001_001,
            0b111_100_111_001_111,
            0b111_100_111_101_111,
            0b111_001_010_010_010,
            0b111_101_111_101_111,
            0b111_101_111_001_111,
        ];
        for (n, digit) in number.to_string().bytes().enumerate() {
            for bit in (0..15).filter(|bit| DIGITS[usize::from(digit - b'0')] >> (14 - bit) & 1 == 1) {
                let [x, y] = [left + 4 * n + bit % 3, top + bit / 3];
                self.picture.put_pixel(x as u32, y as u32, Luma([0]));
            }
        }
    }
}

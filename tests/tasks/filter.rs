//! Filters: what moves lands where it should, what smooths keeps what it should.

use crate::phantom::{chance, cube, extent, labels, mask, mean, spot};
use imaging::Cube;
use imaging::filter::field::Basis;
use imaging::filter::*;
use imaging::random::normal;

/// A deformation without anything.
fn still() -> Deformation {
    Deformation { rotation: 0.0, scale: 0.0, shear: 0.0, shift: 0.0, points: 8, bend: [0.0, 0.0] }
}

/// Centre of mass along each axis.
fn centre(cube: &Cube) -> [f64; 3] {
    let (side, mut sums, mut total) = (cube.side, [0.0; 3], 0.0);
    for (i, &value) in cube.voxels.iter().enumerate() {
        let at = [i % side, i / side % side, i / side.pow(2)];
        (0..3).for_each(|axis| sums[axis] += f64::from(value) * at[axis] as f64);
        total += f64::from(value);
    }
    sums.map(|sum| sum / total)
}

#[test]
fn flips_and_turns_bring_a_voxel_to_its_place_and_back() {
    let voxel = spot(8, [1, 2, 5]);
    assert_eq!(flipped(&voxel, 0), spot(8, [6, 2, 5]));
    assert_eq!(flipped(&voxel, 2), spot(8, [1, 2, 2]));
    assert_eq!(turned(&turned(&voxel, [0, 1], 1), [0, 1], 3), voxel);
    assert_eq!(turned(&voxel, [0, 2], 2), spot(8, [6, 2, 2]));
    // A quarter from axis 0 to axis 1 brings what lies along axis 0 onto axis 1.
    assert_eq!(turned(&spot(8, [7, 3, 0]), [0, 1], 1), spot(8, [4, 7, 0]));
}

#[test]
fn without_deformation_nothing_moves() {
    let (image, labels) = (cube(16, |[x, y, z]| (x + 2 * y + 3 * z) as f32), labels(16));
    let warp = still().draw(&mut chance(0));
    let moved = warp.image(&image);
    assert!(moved.voxels.iter().zip(&image.voxels).all(|(a, b)| (a - b).abs() < 1e-4));
    assert_eq!(warp.labels(&labels), labels);
}

#[test]
fn an_affine_moves_a_marked_place_by_its_matrix() {
    // Shifts alone: every place moves by the same vector, at most by the limit.
    let limit = 0.1;
    for number in 0..8 {
        let warp = Deformation { shift: limit, ..still() }.draw(&mut chance(number));
        let (a, b) = ([12, 20, 17], [19, 13, 15]);
        let step = |from: [usize; 3]| {
            let to = centre(&warp.image(&blurred(&spot(32, from), [1.0; 3])));
            std::array::from_fn::<f64, 3, _>(|axis| to[axis] - from[axis] as f64)
        };
        let (first, second) = (step(a), step(b));
        for axis in 0..3 {
            assert!((first[axis] - second[axis]).abs() < 0.02, "{first:?} {second:?}");
            assert!(first[axis].abs() <= f64::from(limit) * 32.0 + 0.02, "{first:?}");
        }
    }
    // Rotations and scales leave the middle where it is and change distances from it by the scale at most.
    for number in 0..8 {
        let warp = Deformation { rotation: 0.5, scale: 0.2, ..still() }.draw(&mut chance(100 + number));
        let blob = |place| blurred(&spot(33, place), [1.5; 3]);
        let middle = centre(&warp.image(&blob([16, 16, 16])));
        assert!(middle.iter().all(|m| (m - 16.0).abs() < 0.05), "{middle:?}");
        let to = centre(&warp.image(&blob([16, 22, 16])));
        let distance = (0..3).map(|a| (to[a] - 16.0).powi(2)).sum::<f64>().sqrt();
        assert!((6.0 / 1.25..6.0 / 0.75).contains(&distance), "{distance}");
        assert!((to[1] - 22.0).abs() > 0.05 || (to[0] - 16.0).abs() > 0.05, "{to:?}");
    }
}

#[test]
fn a_bend_is_as_large_as_asked_and_smooth() {
    // The image is its own coordinate, so that its change is the displacement.
    let side = 48;
    let ramp = cube(side, |[x, _, _]| x as f32);
    let (mut squares, mut steps, mut count) = (0.0, 0.0, 0);
    for number in 0..6 {
        let bent = Deformation { bend: [0.02, 0.02], ..still() }.draw(&mut chance(number)).image(&ramp);
        let displacement =
            |x: usize, y: usize, z: usize| f64::from(bent.voxels[x + side * (y + side * z)]) - x as f64;
        for z in 8..40 {
            for y in 8..40 {
                for x in 8..40 {
                    squares += displacement(x, y, z).powi(2);
                    steps += (displacement(x, y + 1, z) - displacement(x, y, z)).powi(2);
                    count += 1;
                }
            }
        }
    }
    let (sd, step) = ((squares / f64::from(count)).sqrt(), (steps / f64::from(count)).sqrt());
    assert!((sd / (0.02 * 48.0) - 1.0).abs() < 0.15, "{sd}");
    assert!(step < 0.2 * sd, "{step} {sd}");
}

#[test]
fn labels_stay_with_their_image() {
    let labels = labels(32);
    let soft = mask(&labels, &[2, 3]);
    for number in 0..4 {
        let deformation = Deformation { rotation: 0.4, scale: 0.2, bend: [0.02, 0.03], ..still() };
        let warp = deformation.draw(&mut chance(number));
        let (nearest, linear) = (mask(&warp.labels(&labels), &[2, 3]), warp.image(&soft));
        let agree =
            nearest.voxels.iter().zip(&linear.voxels).filter(|(a, b)| (**a > 0.5) == (**b > 0.5)).count();
        assert!(agree as f64 > 0.99 * 32_f64.powi(3), "{agree}");
        assert!(nearest != soft);
    }
}

#[test]
fn a_blur_keeps_the_sum_and_has_its_width() {
    let spot = spot(33, [16, 16, 16]);
    let blurred = blurred(&spot, [2.0, 0.0, 1.0]);
    assert!((mean(&blurred) / mean(&spot) - 1.0).abs() < 1e-4);
    let variance = |axis: usize| -> f64 {
        let place = |i: usize| [i % 33, i / 33 % 33, i / 1089][axis] as f64 - 16.0;
        blurred.voxels.iter().enumerate().map(|(i, &v)| f64::from(v) * place(i).powi(2)).sum()
    };
    assert!((variance(0).sqrt() - 2.0).abs() < 0.05, "{}", variance(0));
    assert_eq!(variance(1), 0.0);
    assert!((variance(2).sqrt() - 1.0).abs() < 0.05, "{}", variance(2));
}

#[test]
fn thick_slices_lose_fine_detail_along_their_axis_only() {
    let mut rng = chance(0);
    let noise = Cube { side: 32, voxels: (0..32_usize.pow(3)).map(|_| normal(&mut rng)).collect() };
    let thick = thick_slices(&noise, [1.0, 1.0, 4.0], [1.0, 1.0, 4.0]);
    // Mean square difference of neighbours: 2 for white noise.
    let rough = |axis: usize| {
        let stride = 32_usize.pow(axis as u32);
        let values = |i: usize| thick.voxels[i + stride] - thick.voxels[i];
        let inner = (0..32_usize.pow(3)).filter(|i| i / stride % 32 < 31);
        let (sum, count) = inner.fold((0.0, 0), |(sum, count), i| (sum + values(i).powi(2), count + 1));
        sum / count as f32
    };
    let own = thick.voxels.iter().map(|v| v * v).sum::<f32>() / 32_f32.powi(3);
    assert!(rough(2) < 0.1 * rough(0), "{} {}", rough(2), rough(0));
    assert!((rough(0) / own - 2.0).abs() < 0.1, "{} {own}", rough(0));
    // A ramp stays one away from the ends.
    let ramp = cube(32, |[_, _, z]| z as f32);
    let seen = thick_slices(&ramp, [1.0, 1.0, 3.0], [1.0, 1.0, 2.0]);
    let line = |z: usize| seen.voxels[z * 1024];
    assert!(
        (8..24).all(|z| (line(z) - z as f32).abs() < 0.05),
        "{:?}",
        (8..24).map(line).collect::<Vec<_>>()
    );
}

#[test]
fn blocks_repeat_their_first_voxel_and_squeezing_keeps_the_middle() {
    let numbered = cube(8, |[x, y, z]| (x + 8 * y + 64 * z) as f32);
    let coarse = blocks(&numbered, [2, 1, 4]);
    assert_eq!(coarse, cube(8, |[x, y, z]| (x / 2 * 2 + 8 * y + 64 * (z / 4 * 4)) as f32));
    let squeezed = squeezed(&numbered, 1, 4);
    let inside = |y: usize| (3..5).contains(&y);
    let wanted = |[x, y, z]: [usize; 3]| {
        if inside(y) { (x + 8 * ((y - 3) * 4) + 64 * z) as f32 } else { 0.0 }
    };
    assert_eq!(squeezed, cube(8, wanted));
}

#[test]
fn a_mask_grows_and_shrinks_by_a_voxel_and_its_edge_is_its_border() {
    let block = |low: usize, high: usize| {
        cube(16, move |at| f32::from(u8::from(at.iter().all(|v| (low..high).contains(v)))))
    };
    assert_eq!(dilated(&block(5, 10)), block(4, 11));
    assert_eq!(eroded(&block(5, 10)), block(6, 9));
    let mut soft = block(5, 10);
    change(&mut soft, |v| v * 0.4);
    assert_eq!(extent(&dilated(&soft)), [0.0, 0.4]);
    // A step of a tenth is no edge beside one of the whole.
    let steps = cube(16, |[x, _, _]| [0.0, 0.1, 1.0][usize::from(x > 4) + usize::from(x > 9)]);
    let found = edges(&steps, 0.3).voxels;
    assert_eq!((0..16).filter(|&x| found[x] == 1.0).collect::<Vec<_>>(), [9, 10]);
    let edge = edges(&block(4, 12), 0.3);
    let at = |x: usize| edge.voxels[x + 16 * (8 + 16 * 8)];
    assert_eq!((0..16).map(at).collect::<Vec<_>>(), {
        let mut line = [0.0; 16];
        [3, 4, 11, 12].iter().for_each(|&x| line[x] = 1.0);
        line
    });
}

#[test]
fn bases_are_what_they_are_called() {
    let sum = |basis: Basis| {
        let n = basis.count();
        basis.field(&vec![1.0; n.pow(3)])
    };
    assert!(sum(Basis::spline(20, 7)).iter().all(|v| (v - 1.0).abs() < 1e-4));
    assert!(sum(Basis::linear(20, 5)).iter().all(|v| (v - 1.0).abs() < 1e-4));
    // P₂ along x: (3x² − 1)/2, 1 at both ends and −1/2 in the middle.
    let mut second = vec![0.0; 27];
    second[2] = 1.0;
    let field = Basis::legendre(21, 2).field(&second);
    let found = [field[0], field[10], field[20]];
    assert!(found.iter().zip([1.0, -0.5, 1.0]).all(|(a, b)| (a - b).abs() < 1e-5), "{found:?}");
}

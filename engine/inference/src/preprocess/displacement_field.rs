//! Deforms an example until it looks like the target. Image and label are deformed together, so the example stays true, and
//! its structures come to lie where the target has its own.
//!
//! Deformable registration by demons (Thirion 1998), coarse to fine. The example's intensities are first brought to the
//! target's by linear regression in a window around each voxel, so that neither a scanner's bias nor its contrast matters,
//! not even one turned around.

use super::partial_volume::keep_strongest;
use glam::Vec3;
use imaging::Cube;
use imaging::filter::{blurred, interpolated};
use imaging::{Result, memory};
use rayon::prelude::*;

/// The finest grid that images are compared on is at most so large, and at most half of theirs.
const FINEST: usize = 32;
/// A grid smaller than this is the coarsest.
const COARSEST: usize = 12;
/// Rounds on the finest grid, and on each that is coarser.
const ROUNDS: [usize; 2] = [10, 20];
/// Standard deviations of Gaussians, in voxels of the grid: the window, what a round adds, and the sum of the rounds.
const WINDOW: f32 = 2.0;
const ROUND: f32 = 2.0;
const SUM: f32 = 1.0;
/// How many times its least-squares step a round takes, since smoothing shortens it.
const STRIDE: f32 = 2.0;
/// Variances of intensities, between 0 and 1: what is noise and no structure, and what is nothing but rounding.
const NOISE: f32 = 0.005 * 0.005;
const ROUNDING: f32 = 1e-6;

/// For each voxel how far away, in voxels, it is taken from.
pub struct DisplacementField {
    side: usize,
    shift: [Cube; 3],
}

impl DisplacementField {
    /// What makes an example's image like the target's; cubes of the same side, intensities in [0, 1]. The same for any
    /// number of threads.
    ///
    /// # Errors
    /// [`imaging::Error`], as all that makes cubes of that side.
    pub fn onto(target: &Cube, example: &Cube) -> Result<Self> {
        let halve = |target: &Cube, example: &Cube| Ok((halved(target)?, halved(example)?));
        let mut finest = halve(target, example)?;
        while finest.0.side > FINEST {
            finest = halve(&finest.0, &finest.1)?;
        }
        let mut grids = vec![finest];
        while let Some((target, example)) = grids.last()
            && target.side.is_multiple_of(2)
            && target.side >= COARSEST
        {
            grids.push(halve(target, example)?);
        }
        let mut field = Self { side: 1, shift: [(); 3].map(|()| Cube { side: 1, voxels: vec![0.0] }) };
        for (n, (target, example)) in grids.iter().enumerate().rev() {
            field = field.on_grid(target.side)?;
            let window = Window::of(target);
            (0..ROUNDS[n.min(1)]).try_for_each(|_| field.improve(&window, example))?;
        }
        field.on_grid(target.side)
    }

    /// An image, deformed.
    pub fn image(&self, cube: &Cube) -> Result<Cube> {
        gathered(self.side, |at, here| {
            let shift = self.shift.each_ref().map(|axis| axis.voxels[at]);
            interpolated(cube, here + Vec3::from_array(shift))
        })
    }

    /// A structure, deformed; one that would vanish keeps its strongest voxel.
    pub fn label(&self, cube: &Cube) -> Result<Cube> {
        let mut deformed = self.image(cube)?;
        keep_strongest(&mut deformed.voxels);
        Ok(deformed)
    }

    /// How far voxels are moved, in voxels: the mean over what an image shows, the brighter the more it counts.
    pub fn mean(&self, shown: &Cube) -> f64 {
        let far = |at: usize| self.shift.iter().map(|axis| axis.voxels[at].powi(2)).sum::<f32>().sqrt();
        let sums = shown.voxels.iter().enumerate().fold((0.0, 0.0), |(sum, all), (at, &value)| {
            (sum + f64::from(value * far(at)), all + f64::from(value))
        });
        sums.0 / sums.1.max(f64::MIN_POSITIVE)
    }

    /// The same displacements on a grid of another side.
    fn on_grid(&self, side: usize) -> Result<Self> {
        let ratio = side as f32 / self.side as f32;
        let axis =
            |axis: &Cube| gathered(side, |_, here| ratio * interpolated(axis, (here + 0.5) / ratio - 0.5));
        let [x, y, z] = &self.shift;
        Ok(Self { side, shift: [axis(x)?, axis(y)?, axis(z)?] })
    }

    /// One round: each voxel moves towards where the example would look like the target.
    fn improve(&mut self, window: &Window, example: &Cube) -> Result<()> {
        let steps = window.steps(&self.image(example)?);
        for (sum, step) in self.shift.iter_mut().zip(steps) {
            let step = blurred(&step, [ROUND; 3]);
            sum.voxels.iter_mut().zip(&step.voxels).for_each(|(sum, step)| *sum += STRIDE * step);
            *sum = blurred(sum, [SUM; 3]);
        }
        Ok(())
    }
}

/// On a grid of half the side, each voxel the mean of the eight that it covers.
fn halved(cube: &Cube) -> Result<Cube> {
    gathered(cube.side / 2, |_, here| interpolated(cube, 2.0 * here + 0.5))
}

/// A cube of `side`³ values, each by its position in the cube and its place along the axes.
fn gathered(side: usize, value: impl Fn(usize, Vec3) -> f32 + Sync) -> Result<Cube> {
    let mut voxels = memory::zeros(side.pow(3))?;
    voxels.par_chunks_mut(side * side).enumerate().for_each(|(z, plane)| {
        for (n, voxel) in plane.iter_mut().enumerate() {
            let here = Vec3::new((n % side) as f32, (n / side) as f32, z as f32);
            *voxel = value(n + z * side * side, here);
        }
    });
    Ok(Cube { side, voxels })
}

/// A target with what its images look like around each voxel.
struct Window<'a> {
    target: &'a Cube,
    mean: Cube,
    variance: Cube,
}

impl<'a> Window<'a> {
    fn of(target: &'a Cube) -> Self {
        let mean = around(target);
        let variance = covariance((target, &mean), (target, &mean));
        Self { target, mean, variance }
    }

    /// Along each axis how far each voxel should move from where it is taken now, in voxels.
    fn steps(&self, example: &Cube) -> [Cube; 3] {
        let side = example.side;
        let mean = around(example);
        let variance = covariance((example, &mean), (example, &mean));
        let common = covariance((self.target, &self.mean), (example, &mean));
        let mut steps = [(); 3].map(|()| Cube { side, voxels: vec![0.0; side.pow(3)] });
        let strides = [1, side, side * side];
        let inner = 1..side - 1;
        for (z, y) in inner.clone().flat_map(|z| inner.clone().map(move |y| (z, y))) {
            for at in inner.clone().map(|x| x + side * (y + side * z)) {
                let slope = common.voxels[at] / (variance.voxels[at] + ROUNDING);
                let ours = self.target.voxels[at] - self.mean.voxels[at];
                let missing = ours - slope * (example.voxels[at] - mean.voxels[at]);
                let rise =
                    strides.map(|by| slope * (example.voxels[at + by] - example.voxels[at - by]) / 2.0);
                // The part of the target's variance that the example explains says how far it can be relied on.
                let explained = (slope * common.voxels[at] / (self.variance.voxels[at] + NOISE)).min(1.0);
                let steep: f32 = rise.iter().map(|rise| rise * rise).sum();
                let step = explained * missing / (steep + missing * missing + f32::MIN_POSITIVE);
                (0..3).for_each(|axis| steps[axis].voxels[at] = step * rise[axis]);
            }
        }
        steps
    }
}

fn around(cube: &Cube) -> Cube {
    blurred(cube, [WINDOW; 3])
}

fn covariance((a, mean_a): (&Cube, &Cube), (b, mean_b): (&Cube, &Cube)) -> Cube {
    let product = |a: &Cube, b: &Cube| a.voxels.iter().zip(&b.voxels).map(|(a, b)| a * b).collect();
    let mut both = around(&Cube { side: a.side, voxels: product(a, b) });
    let means: Vec<f32> = product(mean_a, mean_b);
    both.voxels.iter_mut().zip(means).for_each(|(both, means)| *both -= means);
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use imaging::filter::{Deformation, change, stretch};
    use imaging::metrics;
    use imaging::random::{generator, normal};

    /// Soft tissue with a structure in it, and the same deformed by up to some voxels.
    fn bodies() -> [(Cube, Cube); 2] {
        let (side, rng) = (48, &mut generator(1, 2));
        let texture = Cube { side, voxels: (0..side.pow(3)).map(|_| normal(rng)).collect() };
        let mut image = blurred(&texture, [4.0; 3]);
        stretch(&mut image, [0.0, 1.0]);
        let away = |at: usize| {
            let place = [at % side, at / side % side, at / side.pow(2)].map(|v| v as f32);
            (0..3).map(|axis| (place[axis] - [22.0, 25.0, 24.0][axis]).powi(2)).sum::<f32>().sqrt()
        };
        let label =
            Cube { side, voxels: (0..side.pow(3)).map(|at| (6.5 - away(at)).clamp(0.0, 1.0)).collect() };
        let bend = [0.03; 2];
        let warp =
            Deformation { rotation: 0.05, scale: 0.05, shear: 0.05, shift: 0.02, points: 4, bend }.draw(rng);
        let deformed = (warp.image(&image), warp.image(&label));
        [(image, label), deformed]
    }

    #[test]
    fn an_example_is_deformed_onto_the_target_and_takes_its_label_along_whatever_its_contrast() {
        let [(target, truth), (image, label)] = bodies();
        let dice = |label: &Cube| {
            metrics::dice(label.voxels.iter().zip(&truth.voxels).map(|(a, b)| (*a > 0.5, *b > 0.5)))
        };
        assert!(dice(&label) < 0.7, "{}", dice(&label));
        let mut inverted = image.clone();
        change(&mut inverted, |value| 0.9 - 0.8 * value);
        for example in [image, inverted] {
            let field = DisplacementField::onto(&target, &example).unwrap();
            let deformed = field.label(&label).unwrap();
            assert!((1.0..5.0).contains(&field.mean(&target)), "{}", field.mean(&target));
            assert!(dice(&deformed) > 0.85, "{} {}", dice(&label), dice(&deformed));
        }
    }

    #[test]
    fn what_looks_like_the_target_already_and_what_shows_nothing_stay_as_they_are() {
        let [(image, label), _] = bodies();
        let flat = Cube { side: 48, voxels: vec![0.3; 48 * 48 * 48] };
        for (target, example) in [(&image, &image), (&flat, &image), (&image, &flat), (&flat, &flat)] {
            let deformed = DisplacementField::onto(target, example).unwrap().label(&label).unwrap();
            let most =
                deformed.voxels.iter().zip(&label.voxels).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(most < 0.05, "{most}");
        }
    }

    #[test]
    fn a_speck_is_kept() {
        let [(target, _), (image, mut label)] = bodies();
        label.voxels.fill(0.0);
        label.voxels[24 + 48 * (24 + 48 * 24)] = 1.0;
        let deformed = DisplacementField::onto(&target, &image).unwrap().label(&label).unwrap();
        assert_eq!(deformed.voxels.iter().filter(|&&part| part > 0.5).count(), 1);
    }
}

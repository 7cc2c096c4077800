//! Deformable registration of an example with the target by demons (Thirion 1998), coarse to fine. Image and label are
//! deformed by the same field, so the example stays consistent and its structures align with the target's.
//!
//! The example's intensities are first mapped to the target's by linear regression in a window around each
//! voxel, so that neither a scanner's bias field nor its contrast matters, not even an inverted one.

use super::partial_volume::keep_strongest;
use glam::Vec3;
use imaging::Cube;
use imaging::filter::{blurred, interpolated};
use imaging::{Result, memory};
use rayon::prelude::*;

/// Largest side of the finest grid that images are compared on; it is also at most half the side of the images.
const FINEST: usize = 32;
/// Grids of at least this side are halved further.
const COARSEST: usize = 12;
/// Iterations on the finest grid, and on each coarser one.
const ITERATIONS: [usize; 2] = [10, 20];
/// Standard deviations of Gaussians, in voxels of the grid: of the regression window, of the update in each iteration
/// (fluid regularisation), and of the accumulated field (elastic regularisation).
const WINDOW: f32 = 2.0;
const UPDATE: f32 = 2.0;
const FIELD: f32 = 1.0;
/// Factor on the least-squares step of an iteration, since smoothing shortens it.
const STRIDE: f32 = 2.0;
/// Variances of intensities in [0, 1]: of image noise, and of rounding errors.
const NOISE: f32 = 0.005 * 0.005;
const ROUNDING: f32 = 1e-6;

/// For each voxel of the target, the displacement to the position in the example that it is sampled from, in voxels.
pub struct DisplacementField {
    side: usize,
    shift: [Cube; 3],
}

impl DisplacementField {
    /// Registers an example's image with the target's: cubes of the same side, intensities in [0, 1]. The result is the
    /// same for any number of threads.
    ///
    /// # Errors
    /// [`imaging::Error::Memory`].
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
            (0..ITERATIONS[n.min(1)]).try_for_each(|_| field.improve(&window, example))?;
        }
        field.on_grid(target.side)
    }

    /// Deforms an image of the example.
    pub fn image(&self, cube: &Cube) -> Result<Cube> {
        gathered(self.side, |at, here| {
            let shift = self.shift.each_ref().map(|axis| axis.voxels[at]);
            interpolated(cube, here + Vec3::from_array(shift))
        })
    }

    /// Deforms a structure of the example; one that would vanish keeps its strongest voxel.
    pub fn label(&self, cube: &Cube) -> Result<Cube> {
        let mut deformed = self.image(cube)?;
        keep_strongest(&mut deformed.voxels);
        Ok(deformed)
    }

    /// The mean length of the displacements, in voxels, weighted by the intensities of `shown`.
    pub fn mean(&self, shown: &Cube) -> f64 {
        let length = |at: usize| self.shift.iter().map(|axis| axis.voxels[at].powi(2)).sum::<f32>().sqrt();
        let sums = shown.voxels.iter().enumerate().fold((0.0, 0.0), |(sum, all), (at, &value)| {
            (sum + f64::from(value * length(at)), all + f64::from(value))
        });
        sums.0 / sums.1.max(f64::MIN_POSITIVE)
    }

    /// The field resampled to a grid of another side.
    fn on_grid(&self, side: usize) -> Result<Self> {
        let ratio = side as f32 / self.side as f32;
        let axis =
            |axis: &Cube| gathered(side, |_, here| ratio * interpolated(axis, (here + 0.5) / ratio - 0.5));
        let [x, y, z] = &self.shift;
        Ok(Self { side, shift: [axis(x)?, axis(y)?, axis(z)?] })
    }

    /// One iteration: moves each voxel towards the position at which the example matches the target.
    fn improve(&mut self, window: &Window, example: &Cube) -> Result<()> {
        let steps = window.steps(&self.image(example)?);
        for (sum, step) in self.shift.iter_mut().zip(steps) {
            let step = blurred(&step, [UPDATE; 3]);
            sum.voxels.iter_mut().zip(&step.voxels).for_each(|(sum, step)| *sum += STRIDE * step);
            *sum = blurred(sum, [FIELD; 3]);
        }
        Ok(())
    }
}

/// A cube of half the side; each voxel is the mean of the eight that it covers.
fn halved(cube: &Cube) -> Result<Cube> {
    gathered(cube.side / 2, |_, here| interpolated(cube, 2.0 * here + 0.5))
}

/// A cube of `side`³ values, each computed from its flat index and its coordinates in voxels.
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

/// A target with the mean and the variance of its intensities in a window around each voxel.
struct Window<'a> {
    target: &'a Cube,
    mean: Cube,
    variance: Cube,
}

impl<'a> Window<'a> {
    fn of(target: &'a Cube) -> Self {
        let mean = windowed_mean(target);
        let variance = covariance((target, &mean), (target, &mean));
        Self { target, mean, variance }
    }

    /// The demons step of each voxel along each axis, in voxels.
    fn steps(&self, example: &Cube) -> [Cube; 3] {
        let side = example.side;
        let mean = windowed_mean(example);
        let variance = covariance((example, &mean), (example, &mean));
        let common = covariance((self.target, &self.mean), (example, &mean));
        let mut steps = [(); 3].map(|()| Cube { side, voxels: vec![0.0; side.pow(3)] });
        let strides = [1, side, side * side];
        let inner = 1..side - 1;
        for (z, y) in inner.clone().flat_map(|z| inner.clone().map(move |y| (z, y))) {
            for at in inner.clone().map(|x| x + side * (y + side * z)) {
                let slope = common.voxels[at] / (variance.voxels[at] + ROUNDING);
                let target = self.target.voxels[at] - self.mean.voxels[at];
                let residual = target - slope * (example.voxels[at] - mean.voxels[at]);
                let gradient =
                    strides.map(|by| slope * (example.voxels[at + by] - example.voxels[at - by]) / 2.0);
                // The step is weighted by the fraction of the target's variance that the example explains.
                let explained = (slope * common.voxels[at] / (self.variance.voxels[at] + NOISE)).min(1.0);
                let squared: f32 = gradient.iter().map(|g| g * g).sum();
                let step = explained * residual / (squared + residual * residual + f32::MIN_POSITIVE);
                (0..3).for_each(|axis| steps[axis].voxels[at] = step * gradient[axis]);
            }
        }
        steps
    }
}

fn windowed_mean(cube: &Cube) -> Cube {
    blurred(cube, [WINDOW; 3])
}

fn covariance((a, mean_a): (&Cube, &Cube), (b, mean_b): (&Cube, &Cube)) -> Cube {
    let product = |a: &Cube, b: &Cube| a.voxels.iter().zip(&b.voxels).map(|(a, b)| a * b).collect();
    let mut both = windowed_mean(&Cube { side: a.side, voxels: product(a, b) });
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

    /// Smooth texture with a structure in it, and the same deformed by a few voxels.
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
    fn an_example_with_its_label_is_deformed_onto_the_target_at_any_contrast() {
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
    fn an_example_equal_to_the_target_and_a_constant_image_are_not_deformed() {
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

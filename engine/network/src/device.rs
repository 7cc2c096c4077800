//! Where to compute: a real GPU that agrees with the CPU, else the CPU.

#[cfg(feature = "reference")]
use super::faulty::{Trouble, pretended};
#[cfg(feature = "gpu")]
use super::gpu;
use super::{Cube, Model, SELF_TEST_SIDE};
use crate::weights::formula;
#[cfg(feature = "gpu")]
use cubecl::device::{DeviceUnavailable, WgpuDeviceKind};
use imaging::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The requested device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A hardware GPU that passes its self-test, otherwise the CPU.
    #[default]
    Auto,
    /// A hardware GPU, otherwise an error.
    Gpu,
    /// The same with feature maps stored as f16, which halves their memory. Weights and sums stay f32.
    GpuHalf,
    /// The CPU.
    Cpu,
}

/// A compute device that passed its self-test.
#[derive(Clone, Debug)]
pub struct Device {
    /// Name for the user, such as `CPU · 2 threads`.
    pub name: String,
    /// Notes on how the device was chosen, fallbacks included.
    pub notes: Vec<String>,
    pub(super) backend: Kernels,
}

/// The backend of a device.
#[derive(Clone, Debug)]
pub(super) enum Kernels {
    /// The CPU kernels.
    Cpu,
    /// The kernels for graphics cards.
    #[cfg(feature = "gpu")]
    Gpu {
        /// The card.
        card: cubecl::Device,
        /// Maps are stored as f16.
        half: bool,
    },
    /// Burn's operations, the reference.
    #[cfg(feature = "reference")]
    Burn(burn::Device),
    /// A simulated failing card, for tests.
    #[cfg(feature = "reference")]
    Faulty(Trouble),
}

/// Largest relative error (2-norm) of a GPU's self-test against the CPU, with f32 and with f16.
const TOLERANCE: f64 = 1e-4;
const HALF_TOLERANCE: f64 = 2e-3;
/// The longest time without an answer of a graphics card; drivers take up to a minute to compile their first kernels.
pub const SILENCE: Duration = Duration::from_secs(120);

impl Device {
    /// Chooses and tests a device. The CPU uses the threads of rayon's pool, whose number the program sets.
    ///
    /// # Errors
    /// [`Error::Device`] if a GPU was required and none passes.
    pub fn choose(choice: DeviceChoice) -> Result<Self> {
        let cpu = Self::cpu();
        if choice == DeviceChoice::Cpu {
            return Ok(cpu);
        }
        let half = choice == DeviceChoice::GpuHalf;
        let tolerance = if half { HALF_TOLERANCE } else { TOLERANCE };
        match best_card(half).and_then(|gpu| gpu.tested(&cpu, tolerance)) {
            Ok(gpu) => Ok(gpu),
            Err(reason) if choice == DeviceChoice::Auto => {
                Ok(Self { notes: vec![format!("{reason} The CPU does the work.")], ..cpu })
            }
            Err(reason) => Err(Error::Device(reason)),
        }
    }

    /// The CPU with all threads of the pool.
    pub fn cpu() -> Self {
        let threads = rayon::current_num_threads();
        let name = format!("CPU · {threads} thread{}", if threads == 1 { "" } else { "s" });
        Self { name, notes: Vec::new(), backend: Kernels::Cpu }
    }

    /// Whether it is the CPU, which can be neither lost nor hang.
    pub fn is_cpu(&self) -> bool {
        matches!(self.backend, Kernels::Cpu)
    }

    /// The CPU with Burn's operations: the reference that kernels are compared with.
    #[cfg(feature = "reference")]
    pub fn reference() -> Self {
        let backend = Kernels::Burn(burn::Device::flex());
        Self { name: "reference".into(), notes: Vec::new(), backend }
    }

    /// A software Vulkan driver, for tests: the GPU path on a machine without a GPU.
    #[cfg(feature = "gpu")]
    pub fn software_gpu(half: bool) -> Result<Self> {
        let card = cards(WgpuDeviceKind::Cpu).next();
        let card = card.ok_or_else(|| Error::Device("There is no software Vulkan driver.".into()))?;
        Ok(Self::on_card("software", card, half))
    }

    #[cfg(feature = "gpu")]
    fn on_card(name: &str, card: cubecl::Device, half: bool) -> Self {
        Self::gpu(name, half, Kernels::Gpu { card, half })
    }

    #[cfg(feature = "gpu")]
    fn gpu(name: &str, half: bool, backend: Kernels) -> Self {
        let name = format!("GPU · {name}{}", if half { " · f16" } else { "" });
        Self { name, notes: Vec::new(), backend }
    }

    /// This device if its results agree with those of `cpu`, otherwise the reason.
    fn tested(self, cpu: &Self, tolerance: f64) -> Result<Self, String> {
        let run = |device: &Self| -> Result<Vec<f32>> {
            let model = Model::load(formula::weights("self-test:", &[8, 16, 32], 1.4), device)?;
            let side = SELF_TEST_SIDE;
            let cube = |key: &str| Cube { side, voxels: formula::uniform(key).take(side.pow(3)).collect() };
            let target = model.encode(&cube("target"), &mut || Ok(()))?;
            let (image, label) = (cube("image"), cube("label"));
            Ok(model.predict(&target, &[(&image, &label)], 1, &mut |_| Ok(()))?.voxels)
        };
        let want = run(cpu).map_err(|error| error.to_string())?;
        let got = catch_unwind(AssertUnwindSafe(|| run(&self)));
        let name = &self.name;
        let got =
            got.map_err(|_| format!("{name} failed its self-test."))?.map_err(|error| error.to_string())?;
        let error = relative_error(&got, &want);
        if error <= tolerance {
            Ok(self)
        } else {
            Err(format!("{name} computes wrongly (error {error:.1e})."))
        }
    }
}

/// ‖got − want‖ / ‖want‖; infinite if it is not finite or the lengths differ.
pub fn relative_error(got: &[f32], want: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut got.iter().zip(want).map(|(a, b)| f64::from(a - b)));
    let error = difference / norm(&mut want.iter().map(|&v| f64::from(v)));
    if error.is_finite() && got.len() == want.len() { error } else { f64::INFINITY }
}

/// Whether a graphics driver was started in this process. Its threads may still run at exit and crash in the driver's
/// exit handlers, so such a process should end without running these.
pub fn driver_started() -> bool {
    DRIVER_STARTED.load(Ordering::Relaxed)
}

static DRIVER_STARTED: AtomicBool = AtomicBool::new(false);

/// The graphics APIs for kernels; by default the runtime would also try OpenGL.
#[cfg(all(feature = "gpu", target_os = "macos"))]
const INTERFACES: &[Interface] = &[cubecl::Device::metal_msl];
#[cfg(all(feature = "gpu", windows))]
const INTERFACES: &[Interface] = &[cubecl::Device::vulkan, cubecl::Device::dx12];
#[cfg(all(feature = "gpu", not(any(target_os = "macos", windows))))]
const INTERFACES: &[Interface] = &[cubecl::Device::vulkan];

/// Finds a card of a kind through one API.
#[cfg(feature = "gpu")]
type Interface = fn(WgpuDeviceKind) -> Result<cubecl::Device, DeviceUnavailable>;

/// The cards of a kind, through one API after another.
#[cfg(feature = "gpu")]
fn cards(kind: WgpuDeviceKind) -> impl Iterator<Item = cubecl::Device> {
    DRIVER_STARTED.store(true, Ordering::Relaxed);
    // The runtime may report an integrated card where only another kind exists, and then panics.
    let is_there = |card: &cubecl::Device| cubecl::Device::enumerate(card.to_id()).contains(&card.to_id());
    INTERFACES.iter().filter_map(move |interface| interface(kind.clone()).ok()).filter(is_there)
}

/// Whether one of the device files that drivers open exists (direct rendering, Nvidia, Windows' subsystem, Adreno,
/// Mali). Otherwise no driver is started, since Mesa's drivers write to stderr without a display.
#[cfg(all(feature = "gpu", target_os = "linux"))]
fn may_have_a_card() -> bool {
    let files = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/dev/kgsl-3d0", "/dev/mali0"];
    files.iter().any(|file| std::path::Path::new(file).exists())
}

/// On other systems only the driver knows.
#[cfg(all(feature = "gpu", not(target_os = "linux")))]
fn may_have_a_card() -> bool {
    true
}

/// The best hardware GPU, discrete before integrated. A software driver is used only if `EXEMPLAR_SOFTWARE_GPU` is set,
/// for tests. The error is a message.
#[cfg(feature = "gpu")]
fn best_card(half: bool) -> Result<Device, String> {
    #[cfg(feature = "reference")]
    if let Some(trouble) = pretended(half) {
        return Ok(Device::gpu("pretended", half, Kernels::Faulty(trouble)));
    }
    let software = std::env::var_os("EXEMPLAR_SOFTWARE_GPU").is_some();
    if !software && !may_have_a_card() {
        return Err("No graphics card was found.".to_owned());
    }
    let probe = |card: cubecl::Device| {
        let client = gpu::client(&card);
        let identity = &client.properties().identity;
        // A software rasteriser has no physical device.
        (software || identity.physical.is_some()).then(|| Device::on_card(&identity.name, card, half))
    };
    let kinds = if software {
        vec![WgpuDeviceKind::Cpu]
    } else {
        vec![WgpuDeviceKind::DiscreteGpu(0), WgpuDeviceKind::IntegratedGpu(0)]
    };
    // The graphics library panics if a driver fails during its initialisation.
    let quietly = |card| catch_unwind(AssertUnwindSafe(|| probe(card))).ok().flatten();
    let found = kinds.into_iter().flat_map(cards).find_map(quietly);
    found.ok_or_else(|| "No graphics card was found.".to_owned())
}

/// Builds without a graphics API have no card.
#[cfg(not(feature = "gpu"))]
fn best_card(_: bool) -> Result<Device, String> {
    Err("This build computes on the CPU only.".to_owned())
}

//! A model on its device, and the fallback when memory or the device fails: examples one by one, then f16 feature maps,
//! then the CPU. Each fallback step adds one warning. The next run starts with the requested setup again.

mod device_thread;

pub use device_thread::Timeouts;

use crate::pipeline;
use crate::pipeline::{
    Cache, Example, NamedImage, Observer, Options, Progress, Segmentation, Transformation,
};
use device_thread::{DeviceThread, Failure, may_be_the_devices};
use imaging::{Error, LabelMap, Result, Volume};
use network::{Device, DeviceChoice, Model};
use std::path::PathBuf;
use std::sync::Arc;

/// What to compute with and on.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The device.
    pub device: DeviceChoice,
    /// Checkpoint; None: the bundled weights.
    pub model: Option<PathBuf>,
    /// How long a graphics card may report no progress; the CPU has no limit.
    pub timeouts: Timeouts,
}

/// A model on its device, loaded when it is first needed and again after a failure.
pub struct Runner {
    setup: Setup,
    thread: DeviceThread,
    /// The device of the model that is loaded.
    device: Option<Device>,
    /// What earlier runs prepared and registered.
    cache: Arc<Cache>,
}

impl Runner {
    /// A runner without a model; the first job loads it.
    pub fn new(setup: Setup) -> Self {
        Self { setup, thread: DeviceThread::start(), device: None, cache: Arc::default() }
    }

    /// The prepared images and registrations of earlier runs.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Returns what `read` extracts from the model; loads the model first if necessary.
    ///
    /// # Errors
    /// The errors of choosing a device and opening the weights.
    pub fn read<T: Send + 'static>(
        &mut self,
        observer: &mut Observer,
        read: impl Fn(&Model) -> T + Clone + Send + 'static,
    ) -> Result<T> {
        let job = move |model: &Model, _: &Options, _: &mut Observer| Ok(read(model));
        Ok(self.run_with_fallback(0, &Options::default(), observer, job)?.0)
    }

    /// [`pipeline::segment()`] with fallback; each fallback step adds a warning to the report.
    ///
    /// # Errors
    /// What the last step returned.
    pub fn segment(
        &mut self,
        target: NamedImage,
        examples: Vec<Example<LabelMap>>,
        options: &Options,
        observer: &mut Observer,
    ) -> Result<Segmentation> {
        let cache = self.cache.clone();
        let (mut done, notes) =
            self.run_with_fallback(examples.len(), options, observer, move |model, options, observer| {
                pipeline::segment(model, &cache, &target, &examples, options, observer)
            })?;
        done.report.warnings.splice(0..0, notes);
        Ok(done)
    }

    /// [`pipeline::transform()`] with fallback; each fallback step adds a warning to the report.
    ///
    /// # Errors
    /// What the last step returned.
    pub fn transform(
        &mut self,
        target: NamedImage,
        examples: Vec<Example<Volume>>,
        options: &Options,
        observer: &mut Observer,
    ) -> Result<Transformation> {
        let cache = self.cache.clone();
        let (mut done, notes) =
            self.run_with_fallback(examples.len(), options, observer, move |model, options, observer| {
                pipeline::transform(model, &cache, &target, &examples, options, observer)
            })?;
        done.report.warnings.splice(0..0, notes);
        Ok(done)
    }

    /// Tries `job`, on `pairs` examples, at one fallback step after another; also returns one note for each step taken.
    fn run_with_fallback<T: Send + 'static>(
        &mut self,
        pairs: usize,
        options: &Options,
        observer: &mut Observer,
        job: impl Fn(&Model, &Options, &mut Observer) -> Result<T> + Clone + Send + 'static,
    ) -> Result<(T, Vec<String>)> {
        let (mut options, mut on, mut notes) = (options.clone(), self.setup.device, Vec::new());
        loop {
            let failure = match self.attempt(on, pairs, options.clone(), observer, job.clone()) {
                Ok(done) => {
                    if on != self.setup.device {
                        self.device = None;
                    }
                    return Ok((done, notes));
                }
                Err(failure) => failure,
            };
            // The CPU is the last fallback: an error there cannot be the graphics card's.
            let last = self.device.as_ref().is_some_and(Device::is_cpu);
            let demanded = matches!(self.setup.device, DeviceChoice::Gpu | DeviceChoice::GpuHalf);
            self.start_afresh(&failure);
            let reason = match failure {
                Failure::Error(error) if last || !may_be_the_devices(&error) => return Err(error),
                Failure::Panic(panic) if last => std::panic::resume_unwind(panic),
                Failure::Error(error @ Error::Memory { .. })
                    if pairs > 1 && options.mini_context != Some(1) =>
                {
                    options.mini_context = Some(1);
                    let reason = error.to_string();
                    notes.push(format!("{} The examples were read one by one.", first_sentence(&reason)));
                    continue;
                }
                Failure::Error(error @ (Error::Memory { .. } | Error::TooLarge { .. }))
                    if on != DeviceChoice::GpuHalf =>
                {
                    on = DeviceChoice::GpuHalf;
                    let reason = error.to_string();
                    notes.push(format!("{} The card was tried with f16.", first_sentence(&reason)));
                    continue;
                }
                Failure::Error(error) if demanded => return Err(error),
                Failure::Error(error) => error.to_string(),
                Failure::Panic(_) => "The graphics card failed in the middle of its work.".into(),
                Failure::Hung => "The graphics card does not answer any more.".into(),
            };
            let reason = first_sentence(&reason);
            if demanded {
                return Err(Error::Device(reason.into()));
            }
            on = DeviceChoice::Cpu;
            notes.push(format!("{reason} The CPU did the work."));
        }
    }

    /// Runs `job` once on the device thread, with the loaded model or one that it loads.
    fn attempt<T: Send + 'static>(
        &mut self,
        on: DeviceChoice,
        pairs: usize,
        options: Options,
        observer: &mut Observer,
        job: impl FnOnce(&Model, &Options, &mut Observer) -> Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let start = Progress::start(pairs + 1);
        let Setup { model: path, timeouts, .. } = self.setup.clone();
        let device = match &self.device {
            Some(device) => device.clone(),
            None => {
                let timeouts = (on != DeviceChoice::Cpu).then_some(timeouts);
                self.thread.carry_out(timeouts, start.clone(), observer, move |model, _| {
                    *model = None;
                    Device::choose(on)
                })?
            }
        };
        self.device = Some(device.clone());
        let timeouts = (!device.is_cpu()).then_some(timeouts);
        self.thread.carry_out(timeouts, start, observer, move |model, observer| {
            let model = match model {
                Some(model) => model,
                None => model.insert(match path {
                    Some(path) => Model::open(&path, &device)?,
                    None => Model::bundled(&device)?,
                }),
            };
            let done = job(model, &options, observer);
            // Between jobs the memory of the buffers is left to other programs.
            model.release_buffers();
            done
        })
    }

    /// Drops what a failure may have corrupted: the model with its device, and a thread that hangs.
    fn start_afresh(&mut self, failure: &Failure) {
        if !matches!(failure, Failure::Error(error) if !may_be_the_devices(error)) {
            self.device = None;
        }
        if self.thread.is_given_up() {
            (self.device, self.thread) = (None, DeviceThread::start());
        }
    }
}

/// The first sentence of a message, without the advice that follows.
fn first_sentence(text: &str) -> &str {
    text.split_inclusive(". ").next().unwrap_or(text).trim_end()
}

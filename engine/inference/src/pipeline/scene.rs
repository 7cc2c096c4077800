//! Steps 1 and 2 for all images of a run: prepares the target and registers each example with it.

use super::{Cache, Example, Findings, NamedImage, Prepared, Registered, Run, Stage};
use imaging::Result;

/// A prepared target and its registered examples, in the order given.
pub struct Scene {
    pub target: Prepared,
    pub registered: Vec<Registered>,
}

impl Scene {
    /// Reuses cached results. If examples are to be `deformed`, flagged examples are not deformed unless all are
    /// flagged.
    pub fn set<L: Sync>(
        run: &mut Run,
        findings: &mut Findings,
        cache: &Cache,
        (target, examples): (&NamedImage, &[Example<L>]),
        deformed: bool,
    ) -> Result<Self> {
        let side = super::working_side(run.model);
        let mut images = Vec::new();
        for (n, image) in [target].into_iter().chain(examples.iter().map(|e| &e.image)).enumerate() {
            images.push(cache.prepare(image, side)?);
            findings.warnings.extend(images[n].notes());
            run.prepared(n + 1)?;
        }
        let target = images.remove(0);
        let total = images.len();
        let registering = |done: usize| Stage::Registering { done, total };
        let registered = run.in_parallel(
            &images,
            |costs| costs.place + if deformed { costs.deform } else { 0.0 },
            registering,
            |example| {
                let registered = cache.register(example, &target)?;
                if deformed && registered.flag().is_none() {
                    registered.deformation()?;
                }
                Ok(registered)
            },
        )?;
        let all_flagged = registered.iter().all(|example| example.flag().is_some());
        if deformed && all_flagged {
            run.in_parallel(&registered, |_| 0.0, registering, |example| example.deformation().map(|_| ()))?;
        }
        findings.records.push(target.record());
        for example in &registered {
            let mut record = example.record();
            if deformed && (all_flagged || example.flag().is_none()) {
                record.mean_displacement_mm = Some(example.deformation()?.mean_mm);
            }
            findings.records.push(record);
            findings.placements.push(example.placement());
        }
        Ok(Self { target, registered })
    }
}

//! The network refuses what does not belong together, in a sentence.

use super::refused;
use crate::phantom::spot;
use imaging::Cube;
use network::weights::formula;
use network::{Device, Learner, Model};

#[test]
fn a_target_of_another_model_and_pairs_of_another_side_are_refused() {
    let weights = || formula::weights("own:", &[2, 4, 8], 1.4);
    let load = || Model::load(weights(), &Device::cpu()).unwrap();
    let vote = Model::vote(&Device::cpu()).unwrap();
    let (own, twin) = (load(), load());
    let [cube, other] = [16, 32].map(|side| spot(side, [8; 3]));
    let short = Cube { side: 16, voxels: vec![0.0; 16] };
    let predict = |model: &Model, by: &Model, pairs: &[(&Cube, &Cube)]| {
        let target = by.encode(&cube, &mut || Ok(()))?;
        model.predict(&target, pairs, 1, &mut |_| Ok(()))
    };
    let pair = [(&cube, &cube)];
    for by in [&twin, &vote] {
        assert!(refused(predict(&own, by, &pair)).contains("another model"));
    }
    for model in [&own, &vote] {
        assert!(predict(model, model, &pair).is_ok());
        for wrong in [(&other, &cube), (&cube, &other), (&cube, &short)] {
            let told = refused(predict(model, model, &[(&cube, &cube), wrong]));
            assert!(told.contains("working grid of 16³"), "{told}");
        }
        assert!(refused(predict(model, model, &[])).contains("add at least one"));
        assert!(refused(model.encode(&short, &mut || Ok(()))).contains("working grid of 16³"));
    }
    let learn = |pairs: &[(&Cube, &Cube)], slopes: usize| {
        let learner = Learner::new(&Device::cpu()).unwrap();
        learner.gradients(&weights(), (&cube, pairs), 1, &mut |_| (0.0, vec![0.0; slopes])).map(|_| ())
    };
    assert!(learn(&pair, cube.voxels.len()).is_ok());
    assert!(refused(learn(&[(&cube, &other)], cube.voxels.len())).contains("working grid of 16³"));
    assert!(refused(learn(&pair, 3)).contains("gradient for 3 voxels"));
}

//! Checkpoints: everything that a stage needs to resume, replaced atomically.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use fiducia::{Error, ErrorKind};
use serde::{Serialize, de::DeserializeOwned};

const OPTIMISER: &str = "optimiser.bpk";
const STATE: &str = "state.json";

/// The checkpoint folder of one stage.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    folder: PathBuf,
}

impl Checkpoint {
    /// The checkpoint of `stage` in the run folder.
    pub fn new(run: &Path, stage: &str) -> Self {
        Self { folder: run.join("checkpoints").join(stage) }
    }

    /// Replaces the checkpoint: writes a new folder, then renames it. `optimiser` is `None` between two
    /// trainings.
    ///
    /// # Errors
    /// [`ErrorKind::Unwritable`] where the run folder does not allow it.
    pub fn save<M: Module>(
        &self,
        networks: &[(&str, &M)],
        optimiser: Option<&ModuleOptimizer>,
        state: &impl Serialize,
    ) -> Result<(), Error> {
        self.replace(state, |fresh| {
            for (name, network) in networks {
                save_network(*network, &file(fresh, name))?;
            }
            let save =
                |o: &ModuleOptimizer| o.save(fresh.join(OPTIMISER)).map_err(|e| e.to_string());
            optimiser.map_or(Ok(()), save)
        })
    }

    /// Loads the network saved as `name` into `network`, which must have the same shape; returns it unchanged
    /// if there is no checkpoint.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the checkpoint is there but damaged or of another network.
    pub fn network<M: Module>(&self, name: &str, network: M) -> Result<M, Error> {
        let Some(folder) = self.existing() else { return Ok(network) };
        network.try_load_file(file(&folder, name)).map_err(|e| self.damaged(&e.to_string()))
    }

    fn replace(
        &self,
        state: &impl Serialize,
        content: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<(), Error> {
        let write = || -> Result<(), String> {
            let fresh = self.folder.with_extension("new");
            let old = self.folder.with_extension("old");
            let _ = std::fs::remove_dir_all(&fresh);
            std::fs::create_dir_all(&fresh).map_err(|e| e.to_string())?;
            content(&fresh)?;
            let json = serde_json::to_vec(state).map_err(|e| e.to_string())?;
            std::fs::write(fresh.join(STATE), json).map_err(|e| e.to_string())?;
            // Between the two renames only `old` exists; `existing` looks for it too.
            let _ = std::fs::remove_dir_all(&old);
            if self.folder.exists() {
                std::fs::rename(&self.folder, &old).map_err(|e| e.to_string())?;
            }
            std::fs::rename(&fresh, &self.folder).map_err(|e| e.to_string())?;
            let _ = std::fs::remove_dir_all(&old);
            Ok(())
        };
        write().map_err(|e| {
            let message = format!(
                "cannot write checkpoint {}: {e}; check the free space",
                self.folder.display()
            );
            Error::new(ErrorKind::Unwritable, message)
        })
    }

    /// The state saved by an earlier run, if any.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the checkpoint is there but damaged.
    pub fn state<S: DeserializeOwned>(&self) -> Result<Option<S>, Error> {
        let Some(folder) = self.existing() else { return Ok(None) };
        let read = || -> Result<S, String> {
            let bytes = std::fs::read(folder.join(STATE)).map_err(|e| e.to_string())?;
            serde_json::from_slice(&bytes).map_err(|e| e.to_string())
        };
        read().map(Some).map_err(|e| self.damaged(&e))
    }

    /// Loads the state of `optimiser`; returns it unchanged if there is no checkpoint.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the checkpoint is there but damaged or of another network.
    pub fn optimiser(&self, optimiser: ModuleOptimizer) -> Result<ModuleOptimizer, Error> {
        let Some(folder) = self.existing() else { return Ok(optimiser) };
        optimiser.load(folder.join(OPTIMISER)).map_err(|e| self.damaged(&e.to_string()))
    }

    fn existing(&self) -> Option<PathBuf> {
        [self.folder.clone(), self.folder.with_extension("old")]
            .into_iter()
            .find(|f| f.join(STATE).is_file())
    }

    fn damaged(&self, e: &str) -> Error {
        let message = format!(
            "checkpoint {}: {e}; remove the folder to start this stage again",
            self.folder.display()
        );
        Error::new(ErrorKind::Unreadable, message)
    }
}

fn file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.bpk"))
}

fn save_network<M: Module>(network: &M, file: &Path) -> Result<(), String> {
    // Batch-norm statistics of the last step are applied lazily, when the inference form is requested;
    // without this they would be missing from the file.
    let _ = network.valid();
    network.clone().save_file(file).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nets::{AdapterForm, RefineNet};
    use crate::training::heatmap::loss;
    use burn::optim::{AdamWConfig, GradientsParams};
    use burn::tensor::{Device, Int, Tensor, TensorData};

    const SIZE: usize = 16;

    fn learn(
        network: RefineNet,
        optimiser: &mut ModuleOptimizer,
        step: usize,
        device: &Device,
    ) -> RefineNet {
        let pixels = (0..2 * SIZE * SIZE)
            .map(|i| ((i * (step + 3)) % 17) as f32 / 8.0 - 1.0)
            .collect::<Vec<_>>();
        let regions = Tensor::<4>::from_data(TensorData::new(pixels, [2, 1, SIZE, SIZE]), device);
        let which = Tensor::<1, Int>::from_data(TensorData::new(vec![0i64, 1], [2]), device);
        let mut targets = vec![0.0; 2 * SIZE * SIZE];
        targets[40 + step] = 1.0;
        targets[SIZE * SIZE + 90] = 1.0;
        let value = loss(network.forward(regions, which), targets, &[1.0, 0.5], device);
        let gradients = GradientsParams::from_grads(value.backward(), &network);
        optimiser.step(3e-3, network, gradients)
    }

    /// All values that affect inference.
    fn fingerprint(network: &RefineNet) -> (Vec<u8>, Vec<Vec<f32>>) {
        (network.export(SIZE), network.adapters())
    }

    #[test]
    fn a_restored_training_goes_on_bit_for_bit() {
        let device = Device::flex().autodiff();
        device.seed(1);
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::new(folder.path(), "refine");
        let fresh = || AdamWConfig::new().with_weight_decay(1e-3).with_epsilon(1e-8).init();
        let mut optimiser = fresh();
        let mut network = RefineNet::new(2, AdapterForm::Gate, &device);
        for step in 0..4 {
            network = learn(network, &mut optimiser, step, &device);
        }
        checkpoint.save(&[("network", &network)], Some(&optimiser), &4usize).unwrap();
        let mut again =
            checkpoint.network("network", RefineNet::new(2, AdapterForm::Gate, &device)).unwrap();
        let mut optimiser_again = checkpoint.optimiser(fresh()).unwrap();
        assert_eq!(checkpoint.state::<usize>().unwrap(), Some(4));
        assert!(
            fingerprint(&network) == fingerprint(&again),
            "the loaded network differs from the saved one"
        );
        for step in 4..7 {
            network = learn(network, &mut optimiser, step, &device);
            again = learn(again, &mut optimiser_again, step, &device);
            assert!(
                fingerprint(&network) == fingerprint(&again),
                "the trainings differ after step {step}"
            );
        }
    }

    #[test]
    fn nothing_saved_nothing_restored() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Checkpoint::new(folder.path(), "refine").state::<usize>().unwrap(), None);
    }

    #[test]
    fn a_damaged_checkpoint_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let stage = folder.path().join("checkpoints/refine");
        std::fs::create_dir_all(&stage).unwrap();
        std::fs::write(stage.join(STATE), "{").unwrap();
        let error = Checkpoint::new(folder.path(), "refine").state::<usize>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.to_string().contains("checkpoints"));
    }
}

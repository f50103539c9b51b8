//! Checkpoints: everything a stage needs to go on after a kill, replaced as a whole.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use fiducia::{Error, ErrorKind};
use serde::{Serialize, de::DeserializeOwned};

const NETWORK: &str = "network.bpk";
const OPTIMISER: &str = "optimiser.bpk";
const STATE: &str = "state.json";

/// The checkpoint folder of one stage.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    folder: PathBuf,
}

impl Checkpoint {
    /// The checkpoint of `stage` under the run folder.
    pub fn new(run: &Path, stage: &str) -> Self {
        Self { folder: run.join("checkpoints").join(stage) }
    }

    /// Replaces the checkpoint: written beside, then renamed.
    ///
    /// # Errors
    /// [`ErrorKind::Unwritable`] where the run folder does not allow it.
    pub fn save<M: Module>(&self, network: &M, optimiser: &ModuleOptimizer, state: &impl Serialize) -> Result<(), Error> {
        let write = || -> Result<(), String> {
            let fresh = self.folder.with_extension("new");
            let old = self.folder.with_extension("old");
            let _ = std::fs::remove_dir_all(&fresh);
            std::fs::create_dir_all(&fresh).map_err(|e| e.to_string())?;
            network.clone().save_file(fresh.join(NETWORK)).map_err(|e| e.to_string())?;
            optimiser.save(fresh.join(OPTIMISER)).map_err(|e| e.to_string())?;
            let json = serde_json::to_vec(state).map_err(|e| e.to_string())?;
            std::fs::write(fresh.join(STATE), json).map_err(|e| e.to_string())?;
            // Between the two renames only `old` exists; `open` looks there too.
            let _ = std::fs::remove_dir_all(&old);
            if self.folder.exists() {
                std::fs::rename(&self.folder, &old).map_err(|e| e.to_string())?;
            }
            std::fs::rename(&fresh, &self.folder).map_err(|e| e.to_string())?;
            let _ = std::fs::remove_dir_all(&old);
            Ok(())
        };
        write().map_err(|e| {
            let message = format!("cannot write checkpoint {}: {e}; check the free space", self.folder.display());
            Error::new(ErrorKind::Unwritable, message)
        })
    }

    /// The state of an earlier run, if there is one.
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

    /// Network and optimiser of an earlier run; unchanged where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the checkpoint is there but damaged or of another network.
    pub fn restore<M: Module>(&self, network: M, optimiser: ModuleOptimizer) -> Result<(M, ModuleOptimizer), Error> {
        let Some(folder) = self.existing() else { return Ok((network, optimiser)) };
        let network = network.try_load_file(folder.join(NETWORK)).map_err(|e| self.damaged(&e.to_string()))?;
        let optimiser = optimiser.load(folder.join(OPTIMISER)).map_err(|e| self.damaged(&e.to_string()))?;
        Ok((network, optimiser))
    }

    fn existing(&self) -> Option<PathBuf> {
        [self.folder.clone(), self.folder.with_extension("old")].into_iter().find(|f| f.join(STATE).is_file())
    }

    fn damaged(&self, e: &str) -> Error {
        let message = format!("checkpoint {}: {e}; remove the folder to start this stage again", self.folder.display());
        Error::new(ErrorKind::Unreadable, message)
    }
}

//! Identity of a cache entry.

use std::path::PathBuf;

use fiducia_kernels::gpu::{Gpu, KERNELS};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::engine::device::DetectorOptions;
use crate::pack::Pack;
use crate::pack::hex;

/// One device with one pack and one number format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CacheKey {
    pub(super) adapter: String,
    pub(super) interface: String,
    pub(super) driver: String,
    pub(super) precision: String,
    /// SHA-256 of all shaders and the version of fiducia, which holds their references.
    pub(super) shaders: String,
    /// SHA-256 of the pack.
    pub(super) pack: String,
}

impl CacheKey {
    pub(super) fn of(gpu: &Gpu, pack: &Pack, wanted: &DetectorOptions) -> Self {
        let adapter = gpu.adapter();
        let mut shaders = Sha256::new();
        shaders.update(env!("CARGO_PKG_VERSION"));
        for kernel in KERNELS {
            shaders.update(kernel.name);
            kernel.pieces.iter().for_each(|piece| shaders.update(piece));
        }
        Self {
            adapter: adapter.name.clone(),
            interface: adapter.interface.clone(),
            driver: adapter.driver.clone(),
            precision: wanted.precision.name().to_owned(),
            shaders: hex(&shaders.finalize()),
            pack: pack.sha256().to_owned(),
        }
    }

    /// Whether both are for the same device, with any pack: within a process the shaders are the same.
    pub(super) fn same_device(&self, other: &Self) -> bool {
        let other = Self { pack: self.pack.clone(), ..other.clone() };
        *self == other
    }

    /// SHA-256 of all of it.
    pub(super) fn sha256(&self) -> [u8; 32] {
        let parts = [
            &self.adapter,
            &self.interface,
            &self.driver,
            &self.precision,
            &self.shaders,
            &self.pack,
        ];
        let mut all = Sha256::new();
        for part in parts {
            all.update((part.len() as u64).to_le_bytes());
            all.update(part);
        }
        all.finalize().into()
    }

    /// Its file in the cache folder, if there is one.
    pub(super) fn file(
        &self,
        what: &str,
        ending: &str,
        wanted: &DetectorOptions,
    ) -> Option<PathBuf> {
        let name = format!("{what}-{}.{ending}", &hex(&self.sha256())[..16]);
        wanted.cache.as_ref().map(|folder| folder.join(name))
    }
}

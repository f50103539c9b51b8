//! Hands a driver what it made of shaders in an earlier run. The only unsafe code of the crate.
#![allow(unsafe_code, reason = "wgpu cannot see where the data of a pipeline cache comes from")]

use super::{Gpu, KeptPipelines};

impl Gpu {
    /// The device, whose pipelines are from now on made with the help of `kept`, and can be kept
    /// ([`Gpu::pipelines`]). Without a word the device as it was where its interface has nothing of that kind;
    /// what wgpu or the driver refuse of `kept` costs time, and is no error.
    pub fn with_pipelines(mut self, kept: Option<&KeptPipelines>) -> Self {
        if self.device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            let warm = kept.and_then(|kept| self.pipeline_cache(Some(kept)));
            self.cache = warm.or_else(|| self.pipeline_cache(None));
        }
        self
    }

    /// What the driver made of shaders since [`Gpu::with_pipelines`], and what it was handed then; `None` where it
    /// hands nothing out.
    pub fn pipelines(&self) -> Option<KeptPipelines> {
        self.cache.as_ref().and_then(KeptPipelines::of)
    }

    /// `None` where wgpu refuses.
    fn pipeline_cache(&self, kept: Option<&KeptPipelines>) -> Option<wgpu::PipelineCache> {
        let descriptor = wgpu::PipelineCacheDescriptor {
            label: Some("fiducia"),
            data: kept.map(KeptPipelines::data),
            // Data of another version of wgpu or of the driver is as good as none.
            fallback: true,
        };
        // SAFETY: wgpu's one demand is that `data` was returned by `PipelineCache::get_data`, of whatever version
        // of wgpu. A `KeptPipelines` is made in two places, both in kept.rs: out of that very call, and out of a
        // file. Such a file was written by fiducia as this user and is as it was written: it carries the form and
        // the seal of `KeptPipelines::sealed`, which seals nothing but the first kind; the SHA-256 over all of it
        // finds damage; and it and its folder belong to this user and are writable by nobody else, so that
        // nobody else put it there. (A program that runs as this user could, and gains nothing that it has
        // not.) That the data fits this adapter, driver and width of pointers is not asked of us: wgpu checks it
        // and then leaves the data out, or answers with an error, which is taken below.
        let cache = unsafe { self.device.create_pipeline_cache(&descriptor) };
        self.faults.take().map(|()| cache).map_err(|e| log::debug!("no pipeline cache: {e}")).ok()
    }
}

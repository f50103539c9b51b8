//! Gives a driver the pipelines that it compiled in an earlier run. The only unsafe code of the crate.
#![allow(unsafe_code, reason = "wgpu cannot know where the data of a pipeline cache comes from")]

use super::{CachedPipelines, Gpu};

impl Gpu {
    /// The device with a pipeline cache: from now on pipelines are taken from `cached` where they are in it, and all of
    /// them can be saved ([`Gpu::pipelines`]). The device is unchanged where its interface has no such cache; data that
    /// wgpu or the driver refuses is ignored.
    pub fn with_pipelines(mut self, cached: Option<&CachedPipelines>) -> Self {
        if self.device.features().contains(wgpu::Features::PIPELINE_CACHE) {
            let warm = cached.and_then(|cached| self.pipeline_cache(Some(cached)));
            self.cache = warm.or_else(|| self.pipeline_cache(None));
        }
        self
    }

    /// The pipelines compiled since [`Gpu::with_pipelines`], and those that it was given; `None` where the driver
    /// provides none.
    pub fn pipelines(&self) -> Option<CachedPipelines> {
        self.cache.as_ref().and_then(CachedPipelines::of)
    }

    /// `None` where wgpu refuses.
    fn pipeline_cache(&self, cached: Option<&CachedPipelines>) -> Option<wgpu::PipelineCache> {
        let descriptor = wgpu::PipelineCacheDescriptor {
            label: Some("fiducia"),
            data: cached.map(CachedPipelines::data),
            // Data of another version of wgpu or of the driver is ignored.
            fallback: true,
        };
        // SAFETY: wgpu has one condition: `data` was returned by `PipelineCache::get_data`, of any version of wgpu. A
        // `CachedPipelines` is made in two places, both in cached.rs: from the result of that very call, and from a
        // file. Such a file was written by fiducia as this user and is unchanged: it has the format and the checksum of
        // `CachedPipelines::sealed`, which writes nothing but the first kind; the SHA-256 over all of it finds damage;
        // and the file and its folder belong to this user and nobody else can write them, so that nobody else put it
        // there. (A program that runs as this user could, and gains nothing by it.) The data need not fit this adapter,
        // driver and pointer width: wgpu checks that and ignores the data or answers with an error, which is handled
        // below.
        let cache = unsafe { self.device.create_pipeline_cache(&descriptor) };
        self.faults.take().map(|()| cache).map_err(|e| log::debug!("no pipeline cache: {e}")).ok()
    }
}

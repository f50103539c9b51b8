//! Parameters of the pose step.

/// Sizes and limits of the pose step: the uniform `Params` of pose.wgsl.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct PoseStep {
    /// Points of the shape model.
    pub model_landmarks: u32,
    /// Landmarks that are refined.
    pub landmarks: u32,
    /// Modes of the shape model.
    pub modes: u32,
    /// Cells along an edge of a fine heat map.
    pub fine_cells: u32,
    /// Region pixels per fine cell.
    pub fine_stride: f32,
    /// Region pixels along an edge.
    pub region_size: f32,
    /// Size of a region pixel, units.
    pub region_unit: f32,
    /// Coarse points farther than this from the fitted shape are replaced, units.
    pub outlier: f32,
    /// Lower limit of the pose's scale when regions are cut.
    pub scale_low: f32,
    /// Upper limit of the pose's scale when regions are cut.
    pub scale_high: f32,
    /// Position that stands for the peak of a coarse map without one, cells.
    pub coarse_middle: [f32; 2],
}

impl PoseStep {
    /// Values of working memory that the shader needs.
    pub fn work(&self) -> usize {
        let (model_landmarks, modes) = (self.model_landmarks as usize, self.modes as usize);
        10 * model_landmarks + modes * (modes + 1) + modes
    }
}

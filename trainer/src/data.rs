//! The data folder: `set.json`, `images/`, `mean.csv`, `split.csv`.

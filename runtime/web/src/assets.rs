//! The files of the pages, from the folder `assets/`.

/// Colours and fonts of all pages, in a light and a dark scheme.
const THEME: &str = include_str!("../assets/theme.css");
const STATUS: &str = include_str!("../assets/status.css");
const VIEW: &str = include_str!("../assets/view.html");
/// Is replaced by [`THEME`] in a page.
const THEME_MARK: &str = "/* theme */";

/// The CSS of the node's status page.
pub fn status_styles() -> String {
    [THEME, STATUS].concat()
}

/// The HTML page of `fiducia view`.
pub fn view_page() -> String {
    VIEW.replacen(THEME_MARK, THEME, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_contains_the_theme_once() {
        for page in [view_page(), status_styles()] {
            assert_eq!(page.matches("--ground:#f6f7f9").count(), 1);
            assert!(!page.contains(THEME_MARK));
        }
    }
}

//! Convergence of the labels, round by round, as one plot: label movement, disagreement and loss.

use fiducia::Error;
use plotters::prelude::*;

use crate::plot::{Canvas, DATA, DrawResult, FONT, GUIDE, INK, MARK, chart, svg};
use crate::training::rounds::RoundLog;

/// A quantity of a round, and the label of its axis.
type Quantity = (&'static str, fn(&RoundLog) -> f64);

const QUANTITIES: [Quantity; 3] = [
    ("median movement of the labels, normalised units", |log| log.moved),
    ("disagreement, normalised units", |log| log.agreement),
    ("loss", |log| log.loss),
];
const ROW_PX: u32 = 220;

/// Plots the rounds of the joint network and of the dedicated ones, each `[network][round]`.
pub(super) fn rounds_plot(joint: &[RoundLog], singles: &[Vec<RoundLog>]) -> Result<String, Error> {
    let joint = [joint.to_vec()];
    let columns: [(&str, &[Vec<RoundLog>]); 2] =
        [("joint network, by pass", &joint), ("dedicated networks, by round", singles)];
    svg(ROW_PX * QUANTITIES.len() as u32 + 30, |root| {
        let (titles, plots) = root.split_vertically(30);
        let width = root.dim_in_pixel().0 as i32 / 2;
        for (i, (title, _)) in columns.iter().enumerate() {
            titles.draw(&Text::new(
                *title,
                (width * i as i32 + 66, 8),
                FONT.into_font().color(&INK),
            ))?;
        }
        let cells = plots.split_evenly((QUANTITIES.len(), columns.len()));
        for (row, quantity) in QUANTITIES.iter().enumerate() {
            for (column, (_, logs)) in columns.iter().enumerate() {
                panel(&cells[row * columns.len() + column], *quantity, logs)?;
            }
        }
        Ok(())
    })
}

/// One line per network, and their mean if there are several.
fn panel(area: &Canvas<'_>, (name, of): Quantity, logs: &[Vec<RoundLog>]) -> DrawResult {
    let values = || logs.iter().flatten().map(of).filter(|v| v.is_finite());
    let rounds = logs.iter().flatten().map(|log| log.round).max().unwrap_or(1);
    let top = values().fold(0.0, f64::max);
    let top = if top > 0.0 { 1.08 * top } else { 1.0 };
    let mut chart = chart(area, [rounds as f64 + 0.25, top], ["round", name])?;
    let line =
        |log: &Vec<RoundLog>| log.iter().map(|r| (r.round as f64, of(r))).collect::<Vec<_>>();
    let several = logs.len() > 1;
    for log in logs {
        let style = if several { GUIDE.mix(0.9).stroke_width(1) } else { DATA.stroke_width(2) };
        chart.draw_series(LineSeries::new(line(log), style))?;
        if !several {
            chart.draw_series(line(log).into_iter().map(|at| Circle::new(at, 3, DATA.filled())))?;
        }
    }
    if several {
        let means = means(logs, of);
        chart.draw_series(LineSeries::new(means.clone(), MARK.stroke_width(2)))?;
        chart.draw_series(means.into_iter().map(|at| Circle::new(at, 3, MARK.filled())))?;
    }
    Ok(())
}

/// The mean of every round over the networks that reached it.
fn means(logs: &[Vec<RoundLog>], of: fn(&RoundLog) -> f64) -> Vec<(f64, f64)> {
    let longest = logs.iter().map(Vec::len).max().unwrap_or(0);
    let mean = |r: usize| {
        let there: Vec<f64> = logs.iter().filter_map(|log| log.get(r)).map(of).collect();
        ((r + 1) as f64, there.iter().sum::<f64>() / there.len() as f64)
    };
    (0..longest).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(round: usize, moved: f64) -> RoundLog {
        RoundLog { round, loss: 1.0, moved, agreement: 0.5, set_aside: 0.0, bank: 0.0 }
    }

    #[test]
    fn networks_that_stopped_early_do_not_count_in_later_rounds() {
        let logs = [vec![log(1, 1.0), log(2, 0.5)], vec![log(1, 3.0)]];
        assert_eq!(means(&logs, |l| l.moved), [(1.0, 2.0), (2.0, 0.5)]);
    }

    #[test]
    fn a_run_without_rounds_still_has_its_axes() {
        let svg = rounds_plot(&[], &[]).unwrap();
        assert!(
            svg.contains("median movement of the labels") && svg.ends_with("</svg>\n"),
            "{svg}"
        );
    }
}

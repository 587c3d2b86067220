//! The plot of Envoy's memory.

use anyhow::{Result, anyhow};
use harness::EnvoyRelease;
use plotters::prelude::*;

use crate::memory::{Sample, Trend};

const SIZE: (u32, u32) = (900, 420);
const FONT: &str = "sans-serif";
const RESIDENT: RGBColor = RGBColor(0x08, 0x51, 0x9c);
const ALLOCATED: RGBColor = RGBColor(0xe6, 0x9f, 0x00);

/// What is drawn.
pub(crate) struct Plot<'s> {
    pub(crate) envoy: EnvoyRelease,
    /// What was done so many times.
    pub(crate) unit: &'static str,
    pub(crate) times: u64,
    pub(crate) samples: &'s [Sample],
    pub(crate) trend: &'s Trend,
}

/// Draws resident and allocated memory, as SVG.
///
/// # Errors
/// There is nothing to draw.
pub(crate) fn draw(of: &Plot<'_>) -> Result<String> {
    let mut drawing = String::new();
    // Its errors borrow the drawing.
    plot(&mut drawing, of).map_err(|error| anyhow!("cannot draw the memory: {error:#}"))?;
    Ok(drawing)
}

fn plot(drawing: &mut String, of: &Plot<'_>) -> Result<()> {
    let highest = of.samples.iter().map(|sample| sample.resident).max();
    let highest = mebibytes(highest.unwrap_or_default()) * 1.15;
    let area = SVGBackend::with_string(drawing, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let title = format!("Memory of Envoy {} with the module, MiB", of.envoy);
    area.draw(&Text::new(title, (20, 14), (FONT, 20).into_font()))?;
    let small = |colour| (FONT, 13).into_font().color(&colour);
    area.draw(&Text::new("resident", (20, 40), small(RESIDENT)))?;
    area.draw(&Text::new("allocated", (90, 40), small(ALLOCATED)))?;
    let mut chart = ChartBuilder::on(&area)
        .margin(14)
        .margin_top(64)
        .margin_right(40)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..of.times as f64, 0.0..highest)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .x_labels(6)
        .x_label_formatter(&|times| format!("{times:.0}"))
        .y_label_formatter(&|mebibytes| format!("{mebibytes:.0}"))
        .x_desc(of.unit)
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 13))
        .draw()?;
    let resident: fn(&Sample) -> u64 = |sample| sample.resident;
    let allocated: fn(&Sample) -> u64 = |sample| sample.allocated;
    for (bytes, colour) in [(resident, RESIDENT), (allocated, ALLOCATED)] {
        let points = of.samples.iter();
        let points = points.map(|sample| (sample.done as f64, mebibytes(bytes(sample))));
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    }
    area.present()?;
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

# SPDX-License-Identifier: GPL-2.0
"""What is measured, and how it compares: medians, ratios and their spread, for all of bench."""

import csv
import statistics
import typing


class Series(typing.NamedTuple):
    """Samples of one thing, round by round; what is compared is measured in the same rounds."""

    name: str
    unit: str
    rounds: list

    def by_round(self):
        return [statistics.median(samples) for samples in self.rounds]

    def median(self):
        return statistics.median(self.by_round())

    def samples(self):
        return [sample for samples in self.rounds for sample in samples]


class Comparison(typing.NamedTuple):
    """A series beside another; ratio: first by second, or the other way if more is better."""

    what: str
    series: Series
    beside: Series
    most: float = None      # the ratio is to be no more than this
    least: float = None     # or no less than this

    def ratios(self):
        return sorted(one / other for one, other in zip(self.series.by_round(),
                                                        self.beside.by_round()))

    def ratio(self):
        return statistics.median(self.ratios())

    def goal(self):
        if self.most is not None:
            return f"at most {self.most:.2f}"
        return f"at least {self.least:.2f}" if self.least is not None else ""

    def reached(self):
        if self.most is not None:
            return self.ratio() <= self.most
        return self.least is None or self.ratio() >= self.least

    def row(self):
        ratios = self.ratios()
        return {"what": self.what, "value": show(self.series.median(), self.series.unit),
                "beside": f"{show(self.beside.median(), self.beside.unit)}  {self.beside.name}",
                "ratio": f"{self.ratio():.2f}", "spread": f"{ratios[0]:.2f} .. {ratios[-1]:.2f}",
                "goal": self.goal(),
                "reached": "" if not self.goal() else "yes" if self.reached() else "no"}


class Curve(typing.NamedTuple):
    """A series for each of some numbers."""

    title: str
    of: str                 # what the numbers count
    points: list            # (number, series)


class Part(typing.NamedTuple):
    """What one part of bench has measured, and where."""

    title: str
    where: str
    comparisons: list
    series: tuple = ()      # whose distributions are worth a chart
    curves: tuple = ()

    def rounds(self):
        return max(len(comparison.series.rounds) for comparison in self.comparisons)

    def all_series(self):
        found = {}
        for comparison in self.comparisons:
            found[comparison.series.name] = comparison.series
            found[comparison.beside.name] = comparison.beside
        for series in self.series:
            found[series.name] = series
        for curve in self.curves:
            for number, series in curve.points:
                found[f"{curve.title}: {number} {curve.of}"] = series
        return found


COLUMNS = (("what", "what"), ("value", "median"), ("beside", "beside"), ("ratio", "ratio"),
           ("spread", "of the rounds"), ("goal", "to reach"), ("reached", "reached"))


def show(value, unit):
    if value >= 100:
        return f"{value:,.0f} {unit}"
    return f"{value:.3g} {unit}"


def write_csv(path, parts):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("part", "where", "series", "unit", "round", "sample"))
        for part in parts:
            for name, series in part.all_series().items():
                for number, samples in enumerate(series.rounds, 1):
                    for sample in samples:
                        writer.writerow((part.title, part.where, name, series.unit, number,
                                         f"{sample:.6g}"))

"""What was measured, and what comes out of it."""

import statistics


class Results:
    def __init__(self):
        self.runs = []
        self.checks = {}
        self.failures = {}

    def of(self, line, field):
        return [getattr(run, field) for run in self.runs if run.line == line]

    def median(self, line, field):
        values = self.of(line, field)
        return statistics.median(values) if values else None

    def highest(self, line, field):
        return max(self.of(line, field), default=None)

    def across(self, one, other):
        one, other = self.median(*one), self.median(*other)
        return one / other if one is not None and other else None

    def ratio(self, one, other, field="wall"):
        return self.across((one, field), (other, field))

    def fastest(self, lines, other):
        """How much longer the fastest of these lines takes than the other one."""
        ratios = [ratio for ratio in (self.ratio(line, other) for line in lines) if ratio is not None]
        return min(ratios, default=None)

    def growth(self, line):
        peaks = list(self.checks.get("memory", {}).get(line, {}).values())
        return max(peaks) / min(peaks) if len(peaks) == 2 else None

    def overhead(self, line):
        return max((run.requests - run.parts - run.objects for run in self.runs if run.line == line), default=None)

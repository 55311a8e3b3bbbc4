"""Take samples in rounds, each subject once a round, so that noise on the machine affects all of them alike."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from benchmarks.errors import Unmeasured

Sample = TypeVar("Sample")


@dataclass
class Samples(Generic[Sample]):
    """Each subject's sample of every round, or the reason why it could not be measured."""

    taken: dict[str, list[Sample]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def figures(self, figure: Callable[[Sample], float]) -> dict[str, list[float]]:
        return {name: [figure(sample) for sample in samples] for name, samples in self.taken.items()}


def interleave(title: str, subjects: Mapping[str, Callable[[], Sample]], rounds: int) -> Samples[Sample]:
    """Measure each subject once a round; a subject that fails is skipped from then on."""
    samples: Samples[Sample] = Samples({name: [] for name in subjects})
    for number in range(1, rounds + 1):
        for name in list(samples.taken):
            print(f"{title}: round {number} of {rounds}, {name}", file=sys.stderr)
            try:
                samples.taken[name].append(subjects[name]())
            except Unmeasured as reason:
                samples.missing[name] = str(reason)
                del samples.taken[name]
    return samples

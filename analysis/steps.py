"""
steps.py: the steps from one kernel's fsync to the next one's, what was published of each, and which of them a run has.

steps.1: A run has a step only where both designs ran on the same device, with the same size and keys.

Called by say.py and plot_steps.py.
"""
import dataclasses


@dataclasses.dataclass
class Step:
    a: str           # the design before
    b: str           # and after
    commit: str
    rate: str        # which way its rate was published to go
    least: int       # fsyncers from which that was said
    where: str       # who said it


STEPS = (
    Step("postfix", "complete", "b5e6c3e170b7", "slower", 2,
         "an fsync waits for all of its data under the inode lock, and later kernels undid it"),
    Step("complete", "modern", "487781796d30", "faster", 1, "its mail: 10 to 36 % more with 1 to 64 jobs"),
)


def place(run, target):
    t = run.data["targets"][target]
    return t.get("device"), t.get("subvols"), t.get("metadata")


def targets(run, step):
    """Indexes of both designs on one device (steps.1); None: the run does not have them."""
    of = {}
    for i in run.indexes:
        t = run.data["targets"][i]
        if t.get("device") and t.get("design") in (step.a, step.b):
            of.setdefault(t["design"], []).append(i)
    pairs = [(a, b) for a in of.get(step.a, []) for b in of.get(step.b, []) if place(run, a) == place(run, b)]
    return pairs[0] if pairs else None

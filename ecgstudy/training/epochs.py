"""What happens at the end of an epoch: validation, a record, the best weights, the decision to stop, a checkpoint."""

import contextlib
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ecgstudy import files
from ecgstudy.study import Recipe
from ecgstudy.training import optimizer

SECONDS_BETWEEN_CHECKPOINTS = 20.0


class Epochs(keras.callbacks.Callback):
    """Early stopping with the best weights, whose whole state can be written down and taken up again.

    Keras' own EarlyStopping and BackupAndRestore do not know of each other: after a kill, the best epoch so far and
    the patience that was used up would be forgotten, and the run would end elsewhere than an undisturbed one.

    Args:
        validate: gives `val_loss` and `val_accuracy`; None means all epochs are run and the last weights stay.
        recipe: its patience counts epochs without a better validation loss.
        epochs: at most so many.
        checkpoint: where the state is kept; None keeps none.
    """

    def __init__(
        self, validate: Callable[[], dict[str, float]] | None, recipe: Recipe, epochs: int, *, checkpoint: Path | None
    ):
        super().__init__()
        self.epochs, self.stopped = epochs, False
        self._validate, self._recipe, self._checkpoint = validate, recipe, checkpoint
        self._rows: list[dict[str, float]] = []
        self._best: list[np.ndarray] | None = None
        self._best_epoch = -1
        self._saved = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        row = {"epoch": epoch} | {name: float(value) for name, value in (logs or {}).items()}
        _check_number(row["loss"], epoch)
        if self._validate is not None:
            with self._averaged():
                row |= self._validate()
                _check_number(row["val_loss"], epoch)
                self._rows.append(row)
                self._judge(epoch, row["val_loss"])
        else:
            self._rows.append(row)
        if self._checkpoint is not None and time.monotonic() - self._saved > SECONDS_BETWEEN_CHECKPOINTS:
            self._save()

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """With an average of the weights over steps (`ema`), that is what is judged and kept; training goes on without.

        At the end of a fit Keras itself leaves the average in the model.
        """
        if self._recipe.ema is None:
            yield
            return
        pairs = optimizer.averages(self.model)
        now = [variable.numpy() for variable, _ in pairs]
        for variable, average in pairs:
            variable.assign(average)
        yield
        for (variable, _), value in zip(pairs, now, strict=True):
            variable.assign(value)

    def _judge(self, epoch: int, loss: float) -> None:
        if self._best is None or loss < self._rows[self._best_epoch]["val_loss"]:
            self._best, self._best_epoch = self.model.get_weights(), epoch
        elif epoch - self._best_epoch >= self._recipe.patience:
            self.stopped = self.model.stop_training = True

    def finish(self, model: keras.Model) -> None:
        """Leave the best weights in the model, and no checkpoint."""
        if self._best is not None:
            model.set_weights(self._best)
        if self._checkpoint is not None:
            self._checkpoint.unlink(missing_ok=True)

    def table(self) -> pd.DataFrame:
        """One row per epoch; `best` marks the one whose weights were kept."""
        rows = pd.DataFrame(self._rows)
        best = self._best_epoch if self._best is not None else rows["epoch"].max()
        return rows.assign(best=rows["epoch"] == best)

    def _save(self) -> None:
        """All that the next epoch depends on: weights, dropout's and the optimizer's state, and this record."""
        assert self._checkpoint is not None
        arrays = {f"now{i:04d}": np.asarray(v) for i, v in enumerate(_state(self.model))}
        arrays |= {f"best{i:04d}": v for i, v in enumerate(self._best or [])}
        record = json.dumps({"rows": self._rows, "best": self._best_epoch, "stopped": self.stopped})
        files.write_atomically(
            self._checkpoint, lambda path: np.savez(path, allow_pickle=False, record=record, **arrays)
        )
        self._saved = time.monotonic()

    def restore(self, model: keras.Model) -> int:
        """Take up what a killed run left, if it left anything; gives the epoch to begin with."""
        try:
            with np.load(self._checkpoint or "", allow_pickle=False) as file:
                record = json.loads(str(file["record"]))
                now = [file[name] for name in sorted(file.files) if name.startswith("now")]
                best = [file[name] for name in sorted(file.files) if name.startswith("best")]
        except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
            return 0  # nothing there, or damaged: from the beginning
        for variable, value in zip(_state(model), now, strict=True):
            variable.assign(value)
        self._rows, self._best_epoch, self.stopped = record["rows"], record["best"], record["stopped"]
        self._best = best or None
        return len(self._rows)


def _state(model: keras.Model) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _check_number(loss: float, epoch: int) -> None:
    if not np.isfinite(loss):
        raise ValueError(
            f"the loss became {loss} in epoch {epoch + 1}; lower training.learning_rate, set training.clip_norm, "
            "or switch training.mixed_precision off"
        )

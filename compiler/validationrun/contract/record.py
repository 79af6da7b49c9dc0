"""
The run record: one ConfigMap per run, in which the steps write what happened. It is the source of truth.

Exit codes, Argo's outputs, node phases and labels are for people: all of them can lose or forge evidence.
Each key has one writer, so no step overwrites another step's key. `docs/run-record.md` describes every key.
"""

from collections.abc import Callable

from validationrun.base import conventions
from validationrun.contract.chain_entries import ChainEntry, ChainReady
from validationrun.contract.owned_record import RESULT, Identity, OwnedRecord, RecordError
from validationrun.contract.record_key import Key, RecordKey
from validationrun.contract.run_entry import RunEntry
from validationrun.kube.cluster import Cluster


class Record(OwnedRecord):
    """The keys written so far. What creates, reads again or writes asks the API server; the rest looks at what was read."""

    @classmethod
    def create(cls, cluster: Cluster, identity: Identity, run: RunEntry, *more: RecordKey) -> "Record":
        """Creates the record with the key `run` and `more` in one request, or reads the record that an earlier attempt created."""
        labels = identity.labels(conventions.COMPONENT_RULES, run.chain_id)
        return cls._create(cluster, identity, labels, {value.key: value.to_json() for value in (run, *more)})

    def get(self, key: type[Key]) -> Key | None:
        """
        The value of a key, as last read or written; None when the key is missing.

        Raises:
            RecordError: the value does not have its type.
        """
        return self._get(key.key, key)

    def need(self, key: type[Key]) -> Key:
        """The value of a key that an earlier step must have written. Raises RecordError when it did not."""
        value = self.get(key)
        if value is None:
            raise RecordError(f"ConfigMap {self.identity.record_name}: key {key.key} is missing")
        return value

    def write(self, step: str, value: RecordKey) -> None:
        """
        Writes one key and replaces its present value.

        Args:
            step: the step that writes.

        Raises:
            ValueError: another step is the writer of this key.
        """
        self._patch({"data": {value.key: _text(step, value)}})

    def seal(self, step: str, value: RecordKey) -> None:
        """
        Writes the result and makes the ConfigMap immutable, so this is the last write.

        Raises:
            ValueError: the value is not the result, or another step is its writer.
        """
        self._seal(_result_text(step, value))

    def add(self, step: str, value: RecordKey) -> bool:
        """Writes a key once. False when another attempt of its step was first, or the run has its verdict."""
        return self.change(step, type(value), lambda present: value if present is None else None)

    def change(self, step: str, key: type[Key], make: Callable[[Key | None], Key | None]) -> bool:
        """
        Replaces a key's value by `make` of its present value, atomically.

        Two attempts of a step can run at once, because an abandoned pod may live on for a while.

        Args:
            make: returns the new value, or None to keep the present one. Called again after each conflicting write.

        Returns:
            False when the value was kept, or the run has its verdict.
        """

        def text() -> str | None:
            value = make(self.get(key))
            return None if value is None else _text(step, value)

        return self._change(key.key, text)

    def overrule(self, step: str, value: RecordKey) -> None:
        """Writes the result of a record that somebody else sealed. `get` then returns it in place of the sealed one."""
        self._overrule(_result_text(step, value))

    @property
    def chain_failure(self) -> ChainEntry | ChainReady | None:
        """The entry with the reason why the chain did not come up; None without a failure."""
        for entry in (self.get(ChainEntry), self.get(ChainReady)):
            if entry is not None and entry.reason:
                return entry
        return None

    @property
    def chain_is_ready(self) -> bool:
        """Both bring-up steps recorded success."""
        both = self.get(ChainEntry) is not None and self.get(ChainReady) is not None
        return both and self.chain_failure is None


def _text(step: str, value: RecordKey) -> str:
    if value.writer != step:
        raise ValueError(f"{step} may not write {value.key}: {value.writer} does")
    return value.to_json()


def _result_text(step: str, value: RecordKey) -> str:
    if value.key != RESULT:
        raise ValueError(f"{value.key} is not the result")
    return _text(step, value)

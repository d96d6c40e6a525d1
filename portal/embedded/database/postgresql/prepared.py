"""A cursor for statements that run all the time: each is prepared once, and a transaction begins and ends on their way.

psycopg waits for each answer in Python, and sends BEGIN and COMMIT on ways of their own. libpq does it with one call, without
the interpreter's lock: in two thirds of the time for a short statement, and a third for a transaction of one.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any, cast

import psycopg
from psycopg._preparing import PrepareManager
from psycopg.adapt import AdaptersMap, Loader, PyFormat, Transformer
from psycopg.pq import DiagnosticField, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

_MOST_PREPARED = 500
_MOMENTS = cast("type[Loader]", psycopg.adapters.get_loader(psycopg.adapters.types["timestamptz"].oid, Format.TEXT))
_GOOD = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})


_Names = dict[tuple[str, tuple[int, ...]], bytes]


class _SharedStatements(PrepareManager):
    """What psycopg has prepared itself. After a rollback it lets go of everything on the server: then the other names are void too."""

    def __init__(self, threshold: int | None, names: _Names) -> None:
        super().__init__()
        self.prepare_threshold = threshold
        self._others = names

    def maintain_gen(self, conn: "psycopg.Connection[Any]") -> Iterator[Any]:  # type: ignore[override]  # -- of one kind of connection
        if None in self._to_flush:
            self._others.clear()
        yield from super().maintain_gen(conn)


class PreparedCursor:
    """A cursor (PEP 249), as far as Django's wrapper needs it for statements whose rows are all fetched at once.

    It is for a new connection, keeps to the transaction that psycopg is in there, and begins the one that is due.
    """

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.connection = connection
        # Django's own reading of a moment, in Python, takes as long as all other columns of a row together.
        adapters = AdaptersMap(connection.adapters)
        adapters.register_loader("timestamptz", _MOMENTS)
        self._transformer = Transformer(SimpleNamespace(adapters=adapters, connection=connection))
        self._names: _Names = {}
        self._numbers = count()
        # Whether the next statement is the last of its transaction, which is then committed on the same way.
        self.commits = False
        self._result: PGresult | None = None
        connection._prepared = _SharedStatements(connection.prepare_threshold, self._names)  # noqa: SLF001 -- psycopg has no other way

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement whose parameters are marked by `%s`. Raises psycopg.Error."""
        name, values = self._prepare(sql, parameters)
        begin, commit = self._begin(), [b"COMMIT"] if self.commits else []
        if begin or commit:
            # As one text, of which libpq returns the last result; what fails leaves the rest undone.
            text = b"; ".join([*begin, self._as_text(name, parameters), *commit])
            self._take(self.connection.pgconn.exec_(text))
        else:
            self._take(self.connection.pgconn.exec_prepared(name, values, self._transformer.formats))

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return the rows of the last statement, and let go of them: once."""
        if self._result is None:
            return []
        self._transformer.set_pgresult(self._result)
        rows: list[tuple[Any, ...]] = self._transformer.load_rows(0, self._result.ntuples, tuple)
        self.close()
        return rows

    def close(self) -> None:
        """Let go of the last rows."""
        self._result = None
        self._transformer.set_pgresult(None)

    def _begin(self) -> list[bytes]:
        """Return what begins a transaction, where psycopg would begin one now."""
        is_due = self.connection.pgconn.transaction_status == TransactionStatus.IDLE and not self.connection.autocommit
        return [self.connection._get_tx_start_command()] if is_due else []  # noqa: SLF001 -- as its own cursor does

    def _prepare(self, sql: str, parameters: Sequence[Any]) -> tuple[bytes, Sequence[Any]]:
        """Return the name of the statement, and its parameters as they are sent."""
        values = self._transformer.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
        types = self._transformer.types or ()
        name = self._names.get((sql, types))
        if name is None:
            self._make_room()
            name = b"kept_%d" % next(self._numbers)
            self._check(self.connection.pgconn.prepare(name, _numbered(sql), types))
            self._names[sql, types] = name
        return name, values

    def _make_room(self) -> None:
        if len(self._names) >= _MOST_PREPARED:
            oldest = self._names.pop(next(iter(self._names)))
            self._check(self.connection.pgconn.exec_(b"DEALLOCATE %s" % oldest))

    def _as_text(self, name: bytes, parameters: Sequence[Any]) -> bytes:
        """Return the call of a prepared statement as SQL, which can go along with others."""
        literals = b", ".join(bytes(self._transformer.as_literal(one)) for one in parameters)
        return b"EXECUTE %s (%s)" % (name, literals) if literals else b"EXECUTE %s" % name

    def _take(self, result: PGresult) -> None:
        self._result = None
        self._check(result)
        self._result = result

    def _check(self, result: PGresult) -> None:
        if result.status not in _GOOD:
            encoding = self.connection.info.encoding
            if not result.error_field(DiagnosticField.SQLSTATE):
                # libpq says so itself: the server is gone.
                raise psycopg.OperationalError(result.get_error_message(encoding))
            raise psycopg.errors.error_from_result(result, encoding)


def _numbered(sql: str) -> bytes:
    """Return a statement with the places of its parameters in PostgreSQL's form."""
    number = iter(range(1, sql.count("%s") + 1))
    return re.sub(r"%[s%]", lambda place: "%" if place[0] == "%%" else f"${next(number)}", sql).encode()

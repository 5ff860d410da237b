"""Versions of models and their stages.

A version that was added is a challenger. Promoted, it is the champion, and the one before it is retired. A rollback
makes the champion before it champion again. All of it is kept, with who did it and why.

Promotions are put in order by the number of their file: each is written on the condition that none has that number
yet. Who finds the number taken is told so, and looks again. Whoever may write to the registry is trusted to be who
they say they are; seals and hashes show a changed or broken file, and no file can bring code with it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Self

import msgspec

from models.package import ModelRefused, Package
from stream.model_registry.manifest import (
    NAME,
    Change,
    Manifest,
    StoredFile,
    Training,
    opened,
    parse_reference,
    sealed,
)
from stream.model_registry.standing import Move, Standing
from stream.model_registry.store import Store, open_store

_RECORD: Final = re.compile(r"([1-9][0-9]{0,8})\.json")
_ATTEMPTS: Final = 100


class PromotionConflict(ModelRefused):
    """Somebody else changed the stages in between; look at what is champion now, and decide again."""


Check = Callable[[Manifest, Package], None]
"""Raises ModelRefused for a version that must not serve."""


class Registry:
    """Reads and writes a registry.

    >>> import tempfile
    >>> from models.detectors.half_space_trees import HalfSpaceTrees
    >>> from models.package import pack
    >>> trees = HalfSpaceTrees(n_trees=2, height=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     registry = Registry.open(folder)
    ...     added = registry.add("baskets", pack("half_space_trees", trees, ("margin",)), author="ann")
    ...     _ = registry.promote("baskets", added.version, author="ann")
    ...     registry.load("baskets")[0].label
    'baskets@1'
    """

    def __init__(self, store: Store) -> None:
        """Use a store; nothing is read yet."""
        self._store = store

    @classmethod
    def open(cls, address: str, **options: Any) -> Self:
        """The registry in a folder or at an address; `options` go to fsspec."""
        return cls(open_store(address, **options))

    @property
    def address(self) -> str:
        """Where it is."""
        return self._store.address

    def names(self) -> list[str]:
        """Models that have a version."""
        return [name for name in self._store.names("") if NAME.fullmatch(name) and self.versions(name)]

    def versions(self, name: str) -> list[int]:
        """Versions of a model, oldest first."""
        return self._numbers(f"{name}/versions")

    def manifest(self, name: str, version: int) -> Manifest:
        """What is known of a version. Raises ModelRefused when it is not there or was changed."""
        return self._manifest(name, version)[0]

    def standing(self, name: str) -> Standing:
        """The stages as they are now."""
        numbers = self._numbers(f"{name}/stages")
        return Standing(name, *self._change(name, numbers[-1])) if numbers else Standing(name)

    def history(self, name: str) -> list[Change]:
        """Every change of stage, oldest first. Raises ModelRefused where one does not follow from the one before."""
        changes, before = [], ""
        for expected, number in enumerate(self._numbers(f"{name}/stages"), 1):
            change, seal = self._change(name, number)
            if number != expected or change.before != before:
                raise ModelRefused(f"{self.address}/{name}/stages/{number}.json does not follow the one before it")
            changes.append(change)
            before = seal
        return changes

    def add(
        self,
        name: str,
        package: Package,
        *,
        author: str,
        note: str = "",
        training: Training | None = None,
        metrics: dict[str, float] | None = None,
        feature_hash: str = "",
        feature_hashes: dict[str, str] | None = None,
        libraries: dict[str, str] | None = None,
    ) -> Manifest:
        """Keep a package as the next version of a model; it is a challenger."""
        if not NAME.fullmatch(name):
            raise ModelRefused(f"{name!r} is no name of a model: [a-z0-9._-], a letter or digit first, 64 at most")
        files = {file: self._keep(name, data) for file, data in sorted(package.files.items())}
        manifest = Manifest(
            name=name,
            version=1,
            part=package.part,
            params=dict(package.params),
            features=package.features,
            feature_hash=feature_hash,
            feature_hashes=feature_hashes or {},
            training=training or Training(),
            libraries=libraries or {},
            metrics=metrics or {},
            author=author,
            note=note,
            created_at=_now(),
            files=files,
        )
        return self._numbered(manifest)

    def load(self, reference: str) -> tuple[Manifest, Package]:
        """The files of `name` (its champion) or `name@version`, each checked against its hash.

        Raises ModelRefused for what is not there, was changed, or is broken.
        """
        name, version = parse_reference(reference)
        if version is None:
            version = self.standing(name).champion
            if version is None:
                known = ", ".join(map(str, self.versions(name))) or "none"
                raise ModelRefused(f"{name} has no champion in {self.address}; promote one of its versions: {known}")
        manifest, seal = self._manifest(name, version)
        self._check_reign(name, version, seal)
        return manifest, self._package(manifest)

    def promote(self, name: str, version: int, *, author: str, note: str = "", check: Check | None = None) -> Change:
        """Make a version the champion.

        Its files are read and checked first, and `check` may refuse it. Raises PromotionConflict, and changes
        nothing, when somebody else was quicker.
        """
        standing = self.standing(name)
        move = standing.promoted(version, self._checked(name, version, check))
        return self._write(standing, move, author, note)

    def rollback(self, name: str, *, author: str, note: str = "", check: Check | None = None) -> Change:
        """Make the champion before this one champion again; this one is retired. Checked as a promotion is."""
        standing = self.standing(name)
        move = standing.rolled_back()
        self._checked(name, move.version, check)
        return self._write(standing, move, author, note)

    def retire(self, name: str, version: int, *, author: str, note: str = "") -> Change:
        """Put a challenger aside."""
        standing = self.standing(name)
        self.manifest(name, version)
        return self._write(standing, standing.put_aside(version), author, note)

    def _keep(self, name: str, data: bytes) -> StoredFile:
        """Write a file under its hash, unless it is there."""
        digest = hashlib.sha256(data).hexdigest()
        stored = StoredFile(sha256=digest, bytes=len(data))
        try:
            self._store.create(f"{name}/files/{digest}", data)
        except FileExistsError:
            self._file(name, stored)
        return stored

    def _numbered(self, manifest: Manifest) -> Manifest:
        """Write the manifest under the next version; whoever adds at the same time gets another."""
        for _ in range(_ATTEMPTS):
            version = max(self.versions(manifest.name), default=0) + 1
            numbered = msgspec.structs.replace(manifest, version=version)
            try:
                self._store.create(f"{manifest.name}/versions/{version}.json", sealed(numbered)[0])
            except FileExistsError:
                continue
            return numbered
        raise PromotionConflict(f"{manifest.name}: {_ATTEMPTS} others added a version in the meantime; try again")

    def _manifest(self, name: str, version: int) -> tuple[Manifest, str]:
        path = f"{name}/versions/{version}.json"
        try:
            data = self._store.read(path)
        except FileNotFoundError:
            known = ", ".join(map(str, self.versions(name)))
            where = f"its versions are {known}" if known else f"models there are {', '.join(self.names()) or 'none'}"
            raise ModelRefused(f"{name}@{version} is not in {self.address}; {where}") from None
        manifest, seal = opened(data, Manifest, f"{self.address}/{path}")
        if (manifest.name, manifest.version) != (name, version):
            raise ModelRefused(f"{self.address}/{path} is the manifest of {manifest.label}")
        return manifest, seal

    def _change(self, name: str, number: int) -> tuple[Change, str]:
        path = f"{name}/stages/{number}.json"
        change, seal = opened(self._store.read(path), Change, f"{self.address}/{path}")
        if change.number != number:
            raise ModelRefused(f"{self.address}/{path} is change {change.number}")
        return change, seal

    def _package(self, manifest: Manifest) -> Package:
        files = {file: self._file(manifest.name, stored) for file, stored in manifest.files.items()}
        return Package(manifest.part, manifest.params, manifest.features, files)

    def _file(self, name: str, stored: StoredFile) -> bytes:
        path = f"{name}/files/{stored.sha256}"
        try:
            data = self._store.read(path)
        except FileNotFoundError:
            raise ModelRefused(f"{self.address}/{path} is missing") from None
        if (found := hashlib.sha256(data).hexdigest()) != stored.sha256:
            raise ModelRefused(f"{self.address}/{path} was changed: its sha256 is {found[:12]}")
        return data

    def _checked(self, name: str, version: int, check: Check | None) -> str:
        """Seal of a version whose files are all there and sound."""
        manifest, seal = self._manifest(name, version)
        package = self._package(manifest)
        self._check_reign(name, version, seal)
        if check is not None:
            check(manifest, package)
        return seal

    def _check_reign(self, name: str, version: int, seal: str) -> None:
        """A version that was promoted must be the same still, to the letter."""
        for reign in self.standing(name).line:
            if reign.version == version and reign.seal != seal:
                raise ModelRefused(f"{name}@{version} was changed since it was promoted: its manifest is another one")

    def _write(self, standing: Standing, move: Move, author: str, note: str) -> Change:
        change = Change(
            number=standing.number + 1,
            action=move.action,
            version=move.version,
            line=move.line,
            retired=tuple(sorted(move.retired)),
            author=author,
            note=note,
            at=_now(),
            before=standing.seal,
            mark=secrets.token_hex(8),
        )
        try:
            self._store.create(f"{standing.name}/stages/{change.number}.json", sealed(change)[0])
        except FileExistsError:
            now = self.standing(standing.name)
            who = f" ({now.last.action} of {now.last.version} by {now.last.author})" if now.last else ""
            raise PromotionConflict(
                f"{standing.name}: another change came first{who}; champion is {now.champion}. Look, and decide again"
            ) from None
        return change

    def _numbers(self, folder: str) -> list[int]:
        return sorted(int(found[1]) for name in self._store.names(folder) if (found := _RECORD.fullmatch(name)))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

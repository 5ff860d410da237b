"""A real S3-compatible server of one binary: what a registry or an archive at an address is tested against."""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import s3fs

from tests.parts.guarded import GuardedProcess
from tests.parts.ports import HOST, free_ports

if TYPE_CHECKING:
    from types import TracebackType

_START_SECONDS: Final = 60.0
_KEYS: Final = {"key": "tests", "secret": "tests"}


class ObjectStore:
    """SeaweedFS in a folder of its own, with one bucket. Entering the block starts it."""

    bucket: Final = "shop"

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="orderwatch-s3-")
        self._process: GuardedProcess | None = None
        self._port = 0
        self._ports: list[int] = []

    @property
    def options(self) -> dict[str, Any]:
        """What s3fs is to be told."""
        return {**_KEYS, "client_kwargs": {"endpoint_url": f"http://{HOST}:{self._port}", "region_name": "us-east-1"}}

    def address(self, folder: str) -> str:
        """Address of a folder of the bucket."""
        return f"s3://{self.bucket}/{folder}"

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"]
        ports = self._ports = free_ports(len(names) + 2)
        self._port = ports[-1]
        listens = [f"-{name}={port}" for name, port in zip(names, ports, strict=False)]
        binary = str(Path(sys.executable).with_name("weed"))
        command = [
            binary, "server", f"-dir={folder}", f"-ip={HOST}", f"-ip.bind={HOST}", *listens, "-s3",
            f"-s3.port={self._port}", f"-s3.port.grpc={ports[-2]}", "-s3.port.iceberg=0", "-s3.port.lance=0",
            "-volume.max=4", "-master.volumeSizeLimitMB=64",
        ]  # fmt: skip
        self._process = GuardedProcess(command, folder / "weed.log", {"TMPDIR": str(folder)})
        self._make_bucket(time.monotonic() + _START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
        for port in self._ports:  # it puts its sockets there whatever $TMPDIR says
            for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)
        self._folder.cleanup()

    def _make_bucket(self, deadline: float) -> None:
        """The port is open before the store behind it takes objects."""
        while not is_open(self._port) and time.monotonic() < deadline:
            time.sleep(0.1)
        files = s3fs.S3FileSystem(**self.options, skip_instance_cache=True)
        while True:
            try:
                files.makedirs(self.bucket, exist_ok=True)
                files.pipe_file(f"{self.bucket}/ready", b"1")
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return


def is_open(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0

"""The connection to Temporal: where it is, as whom, with which codec, and how long a call may take."""

import asyncio
import logging
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, Protocol, TypeVar

from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import (
    Client,
    CountWorkflowsInput,
    DescribeWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    QueryWorkflowInput,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    StartWorkflowUpdateWithStartInput,
    WorkflowExecutionCount,
    WorkflowExecutionDescription,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.common import SearchAttributeIndexedValueType
from temporalio.envconfig import ClientConfigProfile
from temporalio.runtime import LogForwardingConfig, LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig
from temporalio.runtime import TelemetryFilter as CoreLogFilter
from temporalio.service import RetryConfig, RPCError, RPCStatusCode

from ops.codec import MessageGuard, data_converter
from ops.keys import Keyring

DEFAULT_ADDRESS: Final = "localhost:7233"

CALL_TIMEOUT: Final = timedelta(seconds=8)
"""How long a person's request waits for Temporal before it is answered with 503; a call may set its own."""

_CONNECT_TIMEOUT: Final = timedelta(seconds=3)

# A page that can't reach Temporal says so within seconds. The worker keeps the SDK's patience (10 s),
# because what it reports would have to be done again.
_IMPATIENT: Final = RetryConfig(max_elapsed_time_millis=3_000, max_interval_millis=500, max_retries=6)

_NO_PERMISSION: Final = frozenset(
    {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED}
)

logger = logging.getLogger(__name__)


async def connect(
    *,
    keyring: Keyring,
    process: Literal["api", "worker", "command"],
    lazy: bool = False,
    runtime: Runtime | None = None,
    environ: Mapping[str, str] | None = None,
) -> Client:
    """A client for the place that the `TEMPORAL_*` variables (or a profile in Temporal's own file) name.

    Without any, `localhost:7233` and the namespace `default`. With `lazy` nothing is contacted before the
    first call, so that the API starts while Temporal is down; a worker needs a client that isn't lazy.
    `environ` replaces the process's environment. Raises RuntimeError when Temporal can't be reached or the
    configuration can't be read.

    Calls of a client for `api` or `command` end within `CALL_TIMEOUT` unless they bring a timeout of their own, with
    `RPCError` (UNAVAILABLE or DEADLINE_EXCEEDED) or, for updates, `WorkflowUpdateRPCTimeoutOrCancelledError`.
    """
    # A variable that is set to nothing counts as unset: an empty API key would switch TLS on.
    given = {name: value for name, value in (os.environ if environ is None else environ).items() if value}
    profile = ClientConfigProfile.load(override_env_vars=given)
    place = profile.to_client_connect_config()
    return await Client.connect(
        place.get("target_host") or DEFAULT_ADDRESS,
        namespace=place.get("namespace") or "default",
        api_key=place.get("api_key"),
        tls=place.get("tls"),
        rpc_metadata=place.get("rpc_metadata", {}),
        data_converter=data_converter(keyring),
        interceptors=[MessageGuard()] if process == "worker" else [_Deadlines()],
        retry_config=None if process == "worker" else _IMPATIENT,
        connect_timeout=_CONNECT_TIMEOUT,
        # Identities stay readable in histories: no host name, no user name, no process id.
        identity=f"gatehouse-{process}/{uuid.uuid4().hex[:12]}",
        lazy=lazy,
        runtime=runtime,
    )


def worker_runtime(*, metrics_address: str | None) -> Runtime:
    """The SDK's runtime, made once per process: `host:port` serves Prometheus metrics, None serves none.

    The SDK's own log lines go to the logger `temporalio.core`.
    """
    metrics = (
        PrometheusConfig(
            bind_address=metrics_address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
        )
        if metrics_address
        else None
    )
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio.core"), append_target_to_name=False)
    log = LoggingConfig(filter=CoreLogFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarding)
    return Runtime(
        telemetry=TelemetryConfig(logging=log, metrics=metrics, global_tags={"service_name": "gatehouse"}),
        disable_environment_info=True,
    )


async def register_search_attributes(
    client: Client, attributes: Mapping[str, SearchAttributeIndexedValueType]
) -> frozenset[str]:
    """Make the search attributes exist; those that do are left alone. Returns the names still missing.

    Some servers (Temporal Cloud) don't let a worker do this: then one log line names what an operator has to
    add. Raises ValueError when a name exists with another type, RPCError when the server fails.
    """
    try:
        missing = await _missing(client, attributes)
        if not missing:
            return frozenset()
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={name: int(attributes[name]) for name in sorted(missing)},  # type: ignore[misc]  # the stubs ask for the generated enum, whose numbers these are
            ),
            timeout=CALL_TIMEOUT,
        )
    except RPCError as error:
        if error.status in _NO_PERMISSION:
            wanted = [f"{name}={attributes[name].name}" for name in sorted(attributes)]
            logger.warning(
                "no permission to register search attributes; an operator must add them", extra={"missing": wanted}
            )
            return frozenset(attributes)
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
        # Another worker that starts at the same moment was faster.
    for _ in range(50):
        missing = await _missing(client, attributes)
        if not missing:
            break
        await asyncio.sleep(0.1)  # The server reads its registry again at intervals.
    return missing


async def _missing(client: Client, attributes: Mapping[str, SearchAttributeIndexedValueType]) -> frozenset[str]:
    response = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), retry=True, timeout=CALL_TIMEOUT
    )
    known: Mapping[str, int] = {**response.system_attributes, **response.custom_attributes}
    for name, kind in attributes.items():
        if name in known and known[name] != kind:
            there = SearchAttributeIndexedValueType(known[name]).name
            raise ValueError(f"search attribute {name} exists as {there}, but is needed as {kind.name}")
    return frozenset(attributes) - known.keys()


class _Deadlines(Interceptor):
    """Ends every call that has no timeout of its own after the time that people wait.

    The SDK's timeouts begin when the connection stands: without this, the first call to a server that accepts
    connections and says nothing takes 30 s. A connection that fails is an `RPCError` like any other failure.
    """

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 the SDK's name
        return _OutboundDeadlines(next)


class _OutboundDeadlines(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002 the SDK's name
        return await _in_time(input, super().start_workflow)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002 the SDK's name
        await _in_time(input, super().signal_workflow)

    async def query_workflow(self, input: QueryWorkflowInput) -> Any:  # noqa: A002 the SDK's name
        return await _in_time(input, super().query_workflow)

    async def describe_workflow(self, input: DescribeWorkflowInput) -> WorkflowExecutionDescription:  # noqa: A002 the SDK's name
        return await _in_time(input, super().describe_workflow)

    async def count_workflows(self, input: CountWorkflowsInput) -> WorkflowExecutionCount:  # noqa: A002 the SDK's name
        return await _in_time(input, super().count_workflows)

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:  # noqa: A002 the SDK's name
        return await _in_time(input, super().start_workflow_update)

    async def start_update_with_start_workflow(
        self,
        input: StartWorkflowUpdateWithStartInput,  # noqa: A002 the SDK's name
    ) -> WorkflowUpdateHandle[Any]:
        return await _in_time(input, super().start_update_with_start_workflow)


class _Timed(Protocol):
    rpc_timeout: timedelta | None


_Call = TypeVar("_Call", bound=_Timed)
_Answer = TypeVar("_Answer")


async def _in_time(call: _Call, send: Callable[[_Call], Awaitable[_Answer]]) -> _Answer:
    call.rpc_timeout = call.rpc_timeout or CALL_TIMEOUT
    try:
        # A little longer than the call's own timeout, which gives the better error.
        async with asyncio.timeout(call.rpc_timeout.total_seconds() + 0.5):
            return await send(call)
    except TimeoutError as error:
        raise RPCError("Temporal didn't answer in time", RPCStatusCode.DEADLINE_EXCEEDED, b"") from error
    except RuntimeError as error:
        # The SDK has no class of its own for a connection that can't be made.
        if not str(error).startswith("Failed client connect"):
            raise
        raise RPCError("Temporal can't be reached", RPCStatusCode.UNAVAILABLE, b"") from error

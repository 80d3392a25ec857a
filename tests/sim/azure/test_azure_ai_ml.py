"""azure-ai-ml itself works against the simulator: what users have beside mlgate, over TLS and with its own pollers."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import pytest

from mlgate_sim.azure import AzureSimulator

ai_ml = pytest.importorskip("azure.ai.ml", reason="azure-ai-ml is an extra")


class Credential:
    """Tokens as the simulator's Entra would give them."""

    def __init__(self, azure: AzureSimulator) -> None:
        self._azure = azure

    def get_token(self, *scopes: str, **_: Any) -> Any:
        from azure.core.credentials import AccessToken

        audience = scopes[0].removesuffix("/.default").rstrip("/")
        audience = audience if "ml.azure.com" in audience else "https://management.azure.com"
        return AccessToken(self._azure.signer.sign({**self._azure.entra.claims(audience)}), int(time.time()) + 3600)


class Client(NamedTuple):
    """An MLClient and the simulator it talks to; its calls block, so they run in a thread."""

    ml: Any
    azure: AzureSimulator

    async def do(self, call: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(call)


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    async with AzureSimulator(operation_seconds=0.0, seed_workspace="ws1") as azure:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azure.ca_file))
        monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "")  # MLClient writes it; put back after the test
        settings = azure.memory.settings
        clouds = {
            "azure_portal": azure.url,
            "resource_manager": f"{azure.url}/",
            "active_directory": f"{azure.url}/",
            "aml_resource_id": "https://ml.azure.com/",
            "storage_endpoint": "core.windows.net",
            "registry_discovery_endpoint": f"{azure.url}/",
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ml = ai_ml.MLClient(
                Credential(azure),
                settings.subscription,
                settings.resource_group,
                "ws1",
                cloud=f"Simulated-{azure.url.rsplit(':', 1)[-1]}",
                cloud_metadata=clouds,
                connection_verify=str(azure.ca_file),
                enable_telemetry=False,
                show_progress=False,
                polling_interval=0,
                retry_total=0,
            )
            yield Client(ml, azure)


async def test_workspaces(client: Client) -> None:
    ml = client.ml
    found = await client.do(lambda: ml.workspaces.get("ws1"))
    assert found.name == "ws1"
    found.description = "changed"
    await client.do(lambda: ml.workspaces.begin_update(found).result())
    assert (await client.do(lambda: ml.workspaces.get("ws1"))).description == "changed"
    assert [each.name for each in await client.do(lambda: list(ml.workspaces.list()))] == ["ws1"]


async def test_models_and_environments(client: Client) -> None:
    from azure.ai.ml.entities import Environment, Model

    ml = client.ml
    for version in ("1", "2"):
        path = f"azureml://datastores/workspaceblobstore/paths/models/{version}"
        model = Model(name="churn", version=version, path=path, type="custom_model", stage="Production")
        made = await client.do(lambda model=model: ml.models.create_or_update(model))
        assert (made.name, made.version) == ("churn", version)
    assert (await client.do(lambda: ml.models.get("churn", label="latest"))).version == "2"
    assert {each.version for each in await client.do(lambda: list(ml.models.list("churn")))} == {"1", "2"}
    await client.do(lambda: ml.models.archive("churn", "1"))
    assert {each.version for each in await client.do(lambda: list(ml.models.list("churn")))} == {"2"}
    environment = Environment(name="sklearn", version="1", image="mcr.microsoft.com/azureml/base:1")
    assert (await client.do(lambda: ml.environments.create_or_update(environment))).version == "1"
    assert (await client.do(lambda: ml.environments.get("sklearn", "1"))).image == "mcr.microsoft.com/azureml/base:1"


async def test_an_endpoint_and_a_deployment(client: Client) -> None:
    from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint, Model

    ml = client.ml
    model = Model(
        name="churn", version="1", path="azureml://datastores/workspaceblobstore/paths/m", type="mlflow_model"
    )
    await client.do(lambda: ml.models.create_or_update(model))
    endpoint = ManagedOnlineEndpoint(name="fraud", auth_mode="key")
    made = await client.do(lambda: ml.online_endpoints.begin_create_or_update(endpoint).result())
    assert made.provisioning_state == "Succeeded"
    blue = ManagedOnlineDeployment(
        name="blue",
        endpoint_name="fraud",
        model="azureml:churn:1",
        instance_type="Standard_DS3_v2",
        instance_count=1,
    )
    await client.do(lambda: ml.online_deployments.begin_create_or_update(blue).result())
    endpoint.traffic = {"blue": 100}
    await client.do(lambda: ml.online_endpoints.begin_create_or_update(endpoint).result())
    assert (await client.do(lambda: ml.online_endpoints.get("fraud"))).traffic == {"blue": 100}
    assert (await client.do(lambda: ml.online_endpoints.get_keys("fraud"))).primary_key
    assert [each.name for each in await client.do(lambda: list(ml.online_deployments.list("fraud")))] == ["blue"]
    assert [each.name for each in await client.do(lambda: list(ml.online_endpoints.list()))] == ["fraud"]
    await client.do(lambda: ml.online_endpoints.begin_delete("fraud").result())
    assert await client.do(lambda: list(ml.online_endpoints.list())) == []


async def test_a_batch_endpoint_and_its_deployment(client: Client) -> None:
    from azure.ai.ml.entities import (
        AmlCompute,
        BatchEndpoint,
        Model,
        ModelBatchDeployment,
        ModelBatchDeploymentSettings,
    )

    ml = client.ml
    model = Model(
        name="churn", version="1", path="azureml://datastores/workspaceblobstore/paths/m", type="mlflow_model"
    )
    await client.do(lambda: ml.models.create_or_update(model))
    cluster = AmlCompute(name="nightly", size="Standard_DS3_v2", min_instances=0, max_instances=2)
    await client.do(lambda: ml.compute.begin_create_or_update(cluster).result())
    endpoint = BatchEndpoint(name="monthly", description="as made")
    made = await client.do(lambda: ml.batch_endpoints.begin_create_or_update(endpoint).result())
    assert (made.provisioning_state, made.auth_mode) == ("Succeeded", "aad_token")
    forest = ModelBatchDeployment(
        name="forest",
        endpoint_name="monthly",
        model="azureml:churn:1",
        compute="nightly",
        settings=ModelBatchDeploymentSettings(mini_batch_size=5),
    )
    await client.do(lambda: ml.batch_deployments.begin_create_or_update(forest).result())
    found = await client.do(lambda: ml.batch_deployments.get("forest", "monthly"))
    assert (found.mini_batch_size, found.max_concurrency_per_instance, found.output_action) == (5, 1, "append_row")
    endpoint.defaults = {"deployment_name": "forest"}
    await client.do(lambda: ml.batch_endpoints.begin_create_or_update(endpoint).result())
    assert (await client.do(lambda: ml.batch_endpoints.get("monthly"))).defaults.deployment_name == "forest"
    assert [each.name for each in await client.do(lambda: list(ml.batch_deployments.list("monthly")))] == ["forest"]
    assert [each.name for each in await client.do(lambda: list(ml.batch_endpoints.list()))] == ["monthly"]
    await client.do(lambda: ml.batch_endpoints.begin_delete("monthly").result())
    assert await client.do(lambda: list(ml.batch_endpoints.list())) == []


async def test_jobs(client: Client) -> None:
    from azure.ai.ml.entities import PipelineJob

    ml, azure = client.ml, client.azure
    component = f"{azure.workspace_id('ws1')}/components/train/versions/1"
    azure.arm(
        "PUT", component, {"properties": {"componentSpec": {"name": "train", "version": "1", "type": "pipeline"}}}
    )
    azure.operation_seconds = 60.0
    asked = PipelineJob(name="night-1", component=component, experiment_name="fraud", inputs={"rate": 0.1})
    made = await client.do(lambda: ml.jobs.create_or_update(asked))
    assert (made.name, made.status, made.experiment_name) == ("night-1", "NotStarted", "fraud")
    again = await client.do(lambda: ml.jobs.create_or_update(asked))
    assert again.creation_context.created_at == made.creation_context.created_at
    assert [each.name for each in await client.do(lambda: list(ml.jobs.list()))] == ["night-1"]
    azure.operation_seconds = 0.0
    await client.do(lambda: ml.jobs.begin_cancel("night-1").result())
    assert (await client.do(lambda: ml.jobs.get("night-1"))).status in ("CancelRequested", "Canceled")


async def test_a_deployment_leaves_by_itself(client: Client) -> None:
    from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint, Model

    ml = client.ml
    model = Model(
        name="churn", version="1", path="azureml://datastores/workspaceblobstore/paths/m", type="mlflow_model"
    )
    await client.do(lambda: ml.models.create_or_update(model))
    await client.do(lambda: ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="fraud")).result())
    blue = ManagedOnlineDeployment(
        name="blue",
        endpoint_name="fraud",
        model="azureml:churn:1",
        instance_type="Standard_DS3_v2",
        instance_count=1,
    )
    await client.do(lambda: ml.online_deployments.begin_create_or_update(blue).result())
    await client.do(lambda: ml.online_deployments.begin_delete("blue", "fraud").result())
    assert await client.do(lambda: list(ml.online_deployments.list("fraud"))) == []


async def test_a_workspace_leaves(client: Client) -> None:
    await client.do(lambda: client.ml.workspaces.begin_delete("ws1", delete_dependent_resources=False).result())
    assert await client.do(lambda: list(client.ml.workspaces.list())) == []

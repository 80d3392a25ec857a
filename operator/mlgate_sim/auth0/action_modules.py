"""Modules that Actions share: which of them an Action names. The modules themselves are put into the tenant by tests;
only the list of them is a route (`rest_of_tenant`).

Source: recording TestAccActionModuleActionsDataSource: an Action names module and version by id, and shows name and number
too, in its drafts and its versions.
"""

from __future__ import annotations

from mlgate_sim.auth0.call import Json
from mlgate_sim.auth0.errors import payload_error
from mlgate_sim.auth0.tenant import Tenant


def named(tenant: Tenant, asked: list[Json]) -> list[Json]:
    """What an Action shows of the modules it asks for. Raises ApiError (400) for one that is not there."""
    shown = []
    for each in asked:
        module = tenant.action_modules.get(str(each.get("module_id")), {})
        number = module.get("versions", {}).get(each.get("module_version_id"))
        if number is None:  # [J] the sentence is recorded nowhere
            raise payload_error("The module version does not exist", "modules")
        more = {"module_name": module["name"], "module_version_number": number}
        shown.append({"module_id": each["module_id"], "module_version_id": each["module_version_id"], **more})
    return shown

"""Drives the double of Vault with hvac, as its users do. Prints one line for each thing that was found as expected."""

import base64
import os
import sys

import hvac
from hvac.exceptions import Forbidden, InternalServerError, InvalidPath, InvalidRequest, VaultDown

address, ca, token, unseal_key = (os.environ[name] for name in ("ADDRESS", "CA", "TOKEN", "UNSEAL_KEY"))


def client(token, namespace=None):
    return hvac.Client(url=address, token=token, verify=ca, namespace=namespace)


def refused(kind, text, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except kind as error:
        assert text in str(error), f"{text!r} is not in {error!s}"
    else:
        raise AssertionError(f"{call} was not refused")


def b64(data):
    return base64.b64encode(data).decode()


def transit(root):
    engine = root.secrets.transit
    engine.create_key("app")
    plain = b64(b"plain")
    sealed = engine.encrypt_data("app", plaintext=plain)["data"]["ciphertext"]
    assert sealed.startswith("vault:v1:")
    assert len(base64.b64decode(sealed.split(":")[2])) == 12 + len(b"plain") + 16
    assert engine.decrypt_data("app", ciphertext=sealed)["data"]["plaintext"] == plain
    assert engine.encrypt_data("app", plaintext=plain)["data"]["ciphertext"] != sealed
    engine.rotate_key("app")
    anew = engine.rewrap_data("app", ciphertext=sealed)["data"]["ciphertext"]
    assert anew.startswith("vault:v2:")
    bound = engine.encrypt_data("app", plaintext=plain, associated_data=b64(b"here"))["data"]["ciphertext"]
    assert engine.decrypt_data("app", ciphertext=bound, associated_data=b64(b"here"))["data"]["plaintext"] == plain
    refused(InvalidRequest, "message authentication failed", engine.decrypt_data, "app", ciphertext=bound)
    refused(InvalidRequest, "message authentication failed", engine.rewrap_data, "app", ciphertext=bound)
    engine.update_key_configuration("app", min_decryption_version=2)
    refused(InvalidRequest, "too old", engine.decrypt_data, "app", ciphertext=sealed)
    assert engine.decrypt_data("app", ciphertext=anew)["data"]["plaintext"] == plain
    refused(InvalidRequest, "no prefix", engine.decrypt_data, "app", ciphertext="nothing")
    refused(InvalidRequest, "too new", engine.decrypt_data, "app", ciphertext="vault:v9:AAAA")
    key = engine.read_key("app")["data"]
    assert key["latest_version"] == 2 and key["min_decryption_version"] == 2 and list(key["keys"]) == ["2"]
    assert engine.list_keys()["data"]["keys"] == ["app"]
    refused(InvalidRequest, "deletion is not allowed", engine.delete_key, "app")
    engine.update_key_configuration("app", deletion_allowed=True)
    engine.delete_key("app")
    refused(InvalidPath, "", engine.read_key, "app")
    engine.create_key("derived", derived=True)
    refused(InvalidRequest, "missing 'context'", engine.encrypt_data, "derived", plaintext=plain)
    sealed = engine.encrypt_data("derived", plaintext=plain, context=b64(b"one"))["data"]["ciphertext"]
    assert engine.decrypt_data("derived", ciphertext=sealed, context=b64(b"one"))["data"]["plaintext"] == plain
    refused(InvalidRequest, "failed", engine.decrypt_data, "derived", ciphertext=sealed, context=b64(b"two"))
    batch = [{"plaintext": plain, "context": b64(b"a")}, {"plaintext": plain, "context": b64(b"b")}]
    results = engine.encrypt_data("derived", batch_input=batch)["data"]["batch_results"]
    assert [result["ciphertext"][:9] for result in results] == ["vault:v1:"] * 2


def values(root):
    kv = root.secrets.kv.v2
    read = lambda **named: kv.read_secret_version("a/b", raise_on_deleted_version=True, **named)["data"]
    refused(InvalidPath, "", read)
    written = kv.create_or_update_secret("a/b", {"A": "1", "N": 2, "ü": None}, cas=0)["data"]
    assert written["version"] == 1 and not written["destroyed"] and written["deletion_time"] == ""
    refused(InvalidRequest, "did not match the current version", kv.create_or_update_secret, "a/b", {}, cas=0)
    assert read()["data"] == {"A": "1", "N": 2, "ü": None}
    kv.patch("a/b", {"B": "2", "N": None})
    assert read()["data"]["B"] == "2" and read()["metadata"]["version"] == 2
    assert read(version=1)["data"]["A"] == "1"
    kv.delete_latest_version_of_secret("a/b")
    refused(InvalidPath, "", read)
    kv.undelete_secret_versions("a/b", [2])
    assert read()["metadata"]["version"] == 2
    kv.delete_secret_versions("a/b", [1])
    refused(InvalidPath, "", read, version=1)
    kv.destroy_secret_versions("a/b", [1])
    kv.undelete_secret_versions("a/b", [1])
    refused(InvalidPath, "", read, version=1)
    kv.update_metadata("a/b", custom_metadata={"owner": "shop"}, max_versions=3)
    for number in range(4):
        kv.create_or_update_secret("a/b", {"A": str(number)})
    known = kv.read_secret_metadata("a/b")["data"]
    assert sorted(known["versions"]) == ["4", "5", "6"] and known["oldest_version"] == 4, known
    assert known["custom_metadata"] == {"owner": "shop"} and known["current_version"] == 6
    assert kv.list_secrets("")["data"]["keys"] == ["a/"] and kv.list_secrets("a")["data"]["keys"] == ["b"]
    kv.configure(cas_required=True)
    refused(InvalidRequest, "required for this call", kv.create_or_update_secret, "a/b", {})
    kv.configure(cas_required=False)
    kv.delete_metadata_and_all_versions("a/b")
    refused(InvalidPath, "", kv.read_secret_metadata, "a/b")


def tokens(root):
    assert root.is_authenticated() and not client("hvs.nobody").is_authenticated()
    refused(Forbidden, "permission denied", client("hvs.nobody").secrets.kv.v2.read_secret_metadata, "a")
    rules = 'path "secret/data/mine/*" { capabilities = ["create", "read"] }\npath "secret/data/mine/no" { capabilities = ["deny"] }'
    root.sys.create_or_update_policy("mine", rules)
    assert "mine" in root.sys.list_policies()["data"]["policies"]
    assert root.sys.read_policy("mine")["data"]["rules"] == rules
    made = root.auth.token.create(policies=["mine"], ttl="1h")["auth"]
    assert made["policies"] == ["default", "mine"] and made["lease_duration"] == 3600 and made["renewable"]
    mine = client(made["client_token"])
    kv = mine.secrets.kv.v2
    kv.create_or_update_secret("mine/a", {"A": "1"})
    refused(Forbidden, "permission denied", kv.create_or_update_secret, "mine/a", {"A": "2"})
    refused(Forbidden, "permission denied", kv.create_or_update_secret, "mine/no", {"A": "2"})
    refused(Forbidden, "permission denied", kv.create_or_update_secret, "theirs", {"A": "1"})
    refused(Forbidden, "permission denied", mine.sys.seal)
    assert mine.auth.token.lookup_self()["data"]["ttl"] > 3590
    assert mine.auth.token.renew_self(increment="30m")["auth"]["lease_duration"] in (1799, 1800)
    root.auth.token.revoke(made["client_token"])
    refused(Forbidden, "invalid token", mine.auth.token.lookup_self)
    once = client(root.auth.token.create(policies=["mine"], num_uses=1)["auth"]["client_token"])
    once.auth.token.lookup_self()
    refused(Forbidden, "", once.auth.token.lookup_self)


def approle(root):
    approle = root.auth.approle
    assert "approle/" in root.sys.list_auth_methods()["data"]
    approle.create_or_update_approle("app", token_policies=["mine"], token_ttl="20m", secret_id_num_uses=1)
    role = approle.read_role_id("app")["data"]["role_id"]
    secret = approle.generate_secret_id("app")["data"]["secret_id"]
    other = client(None)
    auth = other.auth.approle.login(role, secret)["auth"]
    assert auth["lease_duration"] == 1200 and other.token == auth["client_token"]
    assert other.secrets.kv.v2.read_secret_version("mine/a", raise_on_deleted_version=True)["data"]["data"]
    refused(InvalidRequest, "invalid role or secret ID", client(None).auth.approle.login, role, secret)
    refused(InvalidRequest, "invalid role or secret ID", client(None).auth.approle.login, "nobody", secret)
    assert approle.list_roles()["data"]["keys"] == ["app"]


def system(root):
    root.sys.enable_secrets_engine("kv", path="more", options={"version": "2"})
    mounts = root.sys.list_mounted_secrets_engines()["data"]
    assert mounts["more/"]["options"] == {"version": "2"} and mounts["transit/"]["type"] == "transit"
    assert root.sys.read_health_status(method="GET")["sealed"] is False
    shop = client(token, "team/shop")
    shop.secrets.kv.v2.create_or_update_secret("a", {"A": "inside"})
    refused(InvalidPath, "", root.secrets.kv.v2.read_secret_metadata, "a")
    root.sys.seal()
    assert root.sys.is_sealed()
    refused(VaultDown, "sealed", root.secrets.kv.v2.read_secret_metadata, "a")
    assert root.sys.read_health_status(method="GET").status_code == 503
    refused(InvalidRequest, "valid hex", root.sys.submit_unseal_key, "00")
    assert root.sys.submit_unseal_key(unseal_key)["sealed"] is False


for part in (transit, values, tokens, approle, system):
    part(client(token))
    print(part.__name__)
    sys.stdout.flush()

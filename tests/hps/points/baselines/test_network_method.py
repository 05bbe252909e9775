"""Networks that regress bodies, from a file of weights to bodies in the frame of the cloud."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from geometry.rigid import transform
from hps.errors import HpsError
from hps.points.baselines.direct_network import DirectConfig, DirectNetwork
from hps.points.baselines.network_method import RegressingMethod
from hps.points.baselines.voting_network import VotingConfig, VotingNetwork
from hps.points.network_input import network_input
from hps.points.weights_file import WeightsInfo, landmarks_sha256, write_weights

SIZES = {"points": 128, "centers": 32, "neighbours": 8, "width": 32, "hidden": 64}


@pytest.fixture(scope="module")
def weights(open_body, tmp_path_factory):
    """Files of untrained networks whose last layers say something of the cloud."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    networks = {"direct": DirectNetwork(DirectConfig(**SIZES)), "voting": VotingNetwork(VotingConfig(**SIZES))}
    for kind, network in networks.items():
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.02 * torch.randn_like(parameter)
        write(folder / f"{kind}.safetensors", kind, network, open_body)
    return folder, networks


def write(path, kind, of, body, **others):
    info = {
        "size": kind,
        "network": asdict(of.config),
        "body": body.name,
        "body_sha256": body.sha256,
        "landmarks_sha256": landmarks_sha256(body),
    }
    write_weights(path, of.state_dict(), WeightsInfo(**(info | others)))


@pytest.mark.parametrize("kind", ["direct", "voting"])
def test_the_body_is_what_the_network_says_moved_to_the_cloud(kind, weights, open_body, seen_bodies):
    folder, networks = weights
    method = RegressingMethod.load(kind, str(folder / f"{kind}.safetensors"), open_body)
    clouds = [sample.cloud for sample in seen_bodies(3)]
    given = network_input(clouds, 128)
    with torch.no_grad():
        output = networks[kind].eval()(given.points, given.rays)
    output = output.body() if kind == "voting" else output
    for row, (found, cloud) in enumerate(zip(method(clouds), clouds, strict=True)):
        T = given.T_canonical_cloud[row]
        joints = transform(T, open_body.pose(found.parameters).joints[0])
        pelvis = (
            output.transl[row].numpy() + open_body.rest_joints(output.betas[row].numpy(), output.child[row].item())[0]
        )
        # float32
        np.testing.assert_allclose(joints[0], pelvis, atol=1e-5)
        (alone,) = method([cloud])
        np.testing.assert_allclose(found.parameters.transl, alone.parameters.transl, atol=1e-4)
        assert found.milliseconds["network"] > 0


@pytest.mark.parametrize("kind", ["direct", "voting"])
def test_the_body_moves_with_the_cloud_and_its_camera(kind, weights, open_body, seen_bodies, axes_changed):
    folder, _ = weights
    method = RegressingMethod.load(kind, str(folder / f"{kind}.safetensors"), open_body)
    (sample,) = seen_bodies(1)
    here, there = method([sample.cloud, sample.cloud.moved(axes_changed)])
    a, b = (open_body.pose(each.parameters).vertices[0] for each in (here, there))
    # the input is rounded to float32 in both frames; neighbours may change places
    np.testing.assert_allclose(b, transform(axes_changed, a), atol=2e-3)


def test_a_file_of_another_method_or_damaged_weights_are_refused(weights, open_body, tmp_path):
    folder, networks = weights
    with pytest.raises(HpsError, match="weights of 'voting', not of 'direct'"):
        RegressingMethod.load("direct", str(folder / "voting.safetensors"), open_body)
    with pytest.raises(HpsError, match="no weights called 'nothing'"):
        RegressingMethod.load("direct", "nothing", open_body)
    write(tmp_path / "other.safetensors", "direct", networks["direct"], open_body, network={"width": 48})
    with pytest.raises(HpsError, match="another network"):
        RegressingMethod.load("direct", str(tmp_path / "other.safetensors"), open_body)
    write(tmp_path / "body.safetensors", "direct", networks["direct"], open_body, body_sha256="0" * 64)
    with pytest.raises(HpsError, match="body model"):
        RegressingMethod.load("direct", str(tmp_path / "body.safetensors"), open_body)
    broken = DirectNetwork(DirectConfig(**SIZES))
    with torch.no_grad():
        broken.first.own.bias[0] = torch.nan
    write(tmp_path / "nan.safetensors", "direct", broken, open_body)
    with pytest.raises(HpsError, match="no numbers"):
        RegressingMethod.load("direct", str(tmp_path / "nan.safetensors"), open_body)


def test_size_and_digest_tell_networks_apart(weights, open_body):
    folder, networks = weights
    direct, voting = (RegressingMethod.load(kind, str(folder / f"{kind}.safetensors"), open_body) for kind in networks)
    assert direct.parameters == sum(each.numel() for each in networks["direct"].parameters())
    assert direct.gflops > 0
    assert direct.digest != voting.digest
    other = RegressingMethod(DirectNetwork(DirectConfig(**SIZES)), open_body)
    assert other.digest != direct.digest
    assert direct.on("cpu").digest == direct.digest

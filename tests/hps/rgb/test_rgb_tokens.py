"""Pose tokens: the vocabulary follows its data, codes give poses back, heads learn through frozen decoders."""

from __future__ import annotations

import pytest
import torch

from body.loading import load_body_model
from body.parameters import BodyParameters
from body.posing import pose_body
from body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from hps.rgb.tokens.codebook import Codebook
from hps.rgb.tokens.heads import DirectHead, PriorHead, TokenHead
from hps.rgb.tokens.pose_code import POSED, PoseTokenizer, PoseVae
from hps.rgb.tokens.training import Skeleton, fitted, joint_errors_mm, pose_loss


def _g(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _poses(count: int, seed: int = 0) -> torch.Tensor:
    """Poses of two numbers: every joint bends by sums of two patterns."""
    patterns = torch.randn(2, POSED, 3, generator=_g(100))
    return axis_angle_to_matrix(0.3 * torch.einsum("nk,kjc->njc", torch.randn(count, 2, generator=_g(seed)), patterns))


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton(load_body_model())


def test_skeleton_is_that_of_the_body(skeleton: Skeleton) -> None:
    rotations = _poses(3)
    turns = matrix_to_axis_angle(rotations).numpy()
    parameters = BodyParameters(
        betas=torch.zeros(1).numpy(),
        body_pose=turns.reshape(3, -1),
        global_orient=torch.zeros(3, 3).numpy(),
        transl=torch.zeros(3, 3).numpy(),
    )
    joints = pose_body(load_body_model(), parameters).joints
    # float32 against float64
    torch.testing.assert_close(skeleton(rotations), torch.as_tensor(joints - joints[:, :1]).float(), rtol=0, atol=1e-5)


def test_words_move_to_where_vectors_are() -> None:
    """Four clusters and eight words: after some batches each cluster has a word at its middle, and none is idle."""
    middles = 5 * torch.randn(4, 6, generator=_g(1))
    book = Codebook(8, 6, generator=_g(2)).train()
    for seed in range(150):
        which = torch.randint(4, (64,), generator=_g(seed))
        book(middles[which] + 0.1 * torch.randn(64, 6, generator=_g(1000 + seed)))
    book.eval()
    said = book(middles)
    # means of clusters of spread 0.1 that up to three words share
    assert float((said.vectors - middles).norm(dim=1).max()) < 0.3
    assert len(book.nearest(middles + 0.1 * torch.randn(200, 4, 6, generator=_g(3))).unique()) >= 4
    before = book.words.clone()
    book(middles)
    torch.testing.assert_close(book.words, before)


def test_gradients_pass_words_by() -> None:
    book = Codebook(8, 6, generator=_g(2)).eval()
    vectors = torch.randn(5, 6, generator=_g(4), requires_grad=True)
    said = book(vectors)
    torch.testing.assert_close(said.vectors, book.words[said.words])
    said.vectors.sum().backward()
    torch.testing.assert_close(vectors.grad, torch.ones(5, 6))
    expected = (vectors.detach() - book.words[said.words]).square().mean()
    torch.testing.assert_close(said.commitment.detach(), expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tokens", "vae"])
def test_codes_give_poses_back(kind: str, skeleton: Skeleton) -> None:
    """Poses of two numbers, others than those of the training: far nearer than their mean."""
    torch.manual_seed(0)
    code = (
        PoseTokenizer(4, 32, 8, hidden=64, generator=_g(5))
        if kind == "tokens"
        else PoseVae(4, hidden=64, generator=_g(5))
    )
    poses, others = _poses(2000), _poses(300, seed=9)
    losses = fitted(code, code.train(), poses, poses, skeleton, steps=60, generator=_g(6), batch=64, rate=4e-3)
    assert losses[-1] < losses[0]
    with torch.no_grad():
        found = code.eval()(others).rotations
    rest = torch.eye(3).expand_as(others)
    error, still = (float(joint_errors_mm(r, others, skeleton).mean()) for r in (found, rest))
    assert error < 0.6 * still
    torch.testing.assert_close(found @ found.mT, torch.eye(3).expand_as(found), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["direct", "tokens", "prior"])
def test_heads_learn_and_leave_the_code_alone(kind: str, skeleton: Skeleton) -> None:
    torch.manual_seed(0)
    tokenizer, vae = PoseTokenizer(4, 16, 8, hidden=32, generator=_g(7)), PoseVae(4, hidden=32, generator=_g(7))
    head = {
        "direct": lambda: DirectHead(5, hidden=32),
        "tokens": lambda: TokenHead(5, tokenizer, hidden=32),
        "prior": lambda: PriorHead(5, vae, hidden=32),
    }[kind]()
    before = [p.clone() for p in (*tokenizer.parameters(), *vae.parameters(), tokenizer.codebook.words)]
    poses = _poses(300)
    features = torch.cat([poses[:, 3, 0], poses[:, 7, 1, :2]], 1)
    losses = fitted(head, head, features, poses, skeleton, steps=12, generator=_g(8), batch=64, rate=3e-3)
    assert sum(losses[-3:]) < sum(losses[:3])
    after = [*tokenizer.parameters(), *vae.parameters(), tokenizer.codebook.words]
    assert all(torch.equal(a, b) for a, b in zip(before, after))


def test_loss_is_least_at_the_truth(skeleton: Skeleton) -> None:
    poses = _poses(8)
    # joints: the root of 1e-6 under each distance
    assert float(pose_loss(poses, poses, skeleton)) == pytest.approx(10 * 1e-3)
    assert float(pose_loss(_poses(8, seed=1), poses, skeleton)) > 0.5

import numpy as np
from simple_clouds import Knowing, simple_samples

from hps.benchmark.points.report.drawing import BODY, HEIGHT, IN_FRONT, WIDTH, draw_case
from hps.benchmark.points.report.gallery import chosen, gallery
from hps.benchmark.points.runner.entrant import Entrant
from hps.benchmark.points.runner.method_spec import MethodSpec
from hps.benchmark.points.runner.posed_rows import benchmark_model
from hps.benchmark.points.runner.run import run_benchmark
from hps.benchmark.prediction import Prediction


def greenish(view):
    red, green, blue = (view[..., n].astype(int) for n in range(3))
    return (green - red > 40) & (green - blue > 20)


def shares(picture, left):
    view = picture[:, :WIDTH] if left else picture[:, WIDTH:]
    bluish = (view[..., 2].astype(int) - view[..., 0] > 20) & (view[..., 2] <= BODY[2])
    return bluish, (view == IN_FRONT).all(-1), greenish(view)


def test_body_points_and_true_outline_are_drawn_upright_in_both_views():
    sample = simple_samples()[0]
    posed = benchmark_model().pose(sample.truth)
    picture = draw_case(
        sample.cloud, np.asarray(benchmark_model().faces), vertices=posed.vertices[0], joints=None,
        true_vertices=posed.vertices[0],
    )  # fmt: skip
    assert picture.shape == (HEIGHT, 2 * WIDTH, 3)
    for left in (True, False):
        body, points, _ = shares(picture, left)
        rows = np.nonzero(body)[0]
        assert 0.75 * HEIGHT < np.ptp(rows) < HEIGHT  # stands, and fills the picture
        assert points.sum() > 100
        rows_of_points = np.nonzero(points)[0]
        assert rows.min() - 5 < rows_of_points.min() < rows.min() + 40  # points of the head, and of the feet
        assert rows.max() - 40 < rows_of_points.max() < rows.max() + 5
    front, side = np.nonzero(shares(picture, True)[0])[1], np.nonzero(shares(picture, False)[0])[1]
    assert np.ptp(front) > 1.5 * np.ptp(side)  # one arm stretched out to the side


def test_a_wrong_body_leaves_the_true_outline():
    sample = simple_samples()[0]
    posed = benchmark_model().pose(sample.truth)
    wrong = posed.vertices[0] + [0.5, 0, 0]
    faces = np.asarray(benchmark_model().faces)
    picture = draw_case(sample.cloud, faces, vertices=wrong, joints=None, true_vertices=posed.vertices[0])
    outline = shares(picture, True)[2]
    assert outline.sum() > 50
    without = draw_case(sample.cloud, faces, vertices=wrong, joints=None, true_vertices=None)
    assert shares(without, True)[2].sum() == 0


def test_the_gallery_has_best_median_and_worst_and_what_was_refused(tmp_path):
    samples = simple_samples(3, 6)

    class Growing(Knowing):
        def _one(self, cloud):
            place = next(n for n, s in enumerate(samples) if (s.cloud.points == cloud.points).all())
            self._away = 0.01 * place
            return Prediction(refused="too hard") if place == 11 else super()._one(cloud)

    entrant = Entrant(spec=MethodSpec(label="m", target="x:y"), method=Growing(samples), digest="")
    cases = gallery(run_benchmark(samples, [entrant], tmp_path), samples)
    kinds = {case.key: (case.kind, case.words) for case in cases}
    assert kinds["s1_000"] == ("best of kinect", "60 mm")  # the first of the part kinect
    assert kinds["s1_005"] == ("worst of kinect", "too hard")
    assert kinds["s2_005"] == ("worst of kinect", "170 mm")
    assert all(case.picture.shape == (HEIGHT, 2 * WIDTH, 3) for case in cases)


def test_no_cloud_is_shown_twice():
    values = np.array([3.0, 1.0, np.nan, 2.0, np.inf])
    for which in (np.ones(5, bool), np.array([True, False, False, False, False])):
        places = [place for _, place in chosen(values, which, "case")]
        assert len(places) == len(set(places))
        assert 2 not in places
        assert 4 in places

"""threshc.train.deep: deep threshold networks in PyTorch; the extra `train`. Import modules, nothing lives here.

    data ----> encode ----> ThresholdNetwork ----> fold ----> IntegerNetwork ----> write_network
    real or    integers     network.py,            fold.py    integers.py,         onnx_export.py,
    pixels                  trained by loop.py                predict: numpy       exact in float32

What a trainer builds on:

    from threshc.train.deep.surrogates import ACTIVATIONS, LAYER_LOSSES, LayerRule, STRAIGHT_THROUGH, StraightThrough
    from threshc.train.deep.architecture import parse          # parse("lenet") -> blocks; parse((256, 256))
    from threshc.train.deep.network import ThresholdNetwork    # nn.Module: forward(x integers as floats) -> scores
    from threshc.train.deep.loop import Hooks, Samples, Settings, train
    from threshc.train.deep.fold import fold                   # ThresholdNetwork -> integer layers and output
    from threshc.train.deep.integers import IntegerNetwork     # .scores(x), .predict(x), numpy only

* `ThresholdNetwork(blocks, shape, classes, activation=, rule=, weights="int8", output_weights=None, batch_norm=False,
  scale=, offset=, fan_in=None, seed=0)`. `network.layers` are the weighted sums in order, the output last; each has
  `.weight` (latent floats), `.bias`, `.integers()` (rounded weights and the scale per row). `network.quantized` says
  whether forward uses the rounded weights; `weights="int8"` and `quantized=False` is training with real weights.
* `train(network, samples, settings, hooks=None, callback=None, checkpoint=None) -> History`. `Hooks` has three places
  to override: `after_backward(network)` (gradients are there: add a penalty's), `after_step(network)` (weights moved:
  project), and `evaluating(network)`, a context in which the network is what would be exported (RVSCGD puts u for w).
* Estimators derive from `threshc.train.deep.estimator.DeepThresholdClassifier` and override `_rule()` and `_hooks()`.
* Hidden values are integers: sign -1, 1; step 0, 1; staircases 0..n. Padding is the integer 0 in every layer.
"""

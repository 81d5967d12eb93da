#include "metrics/protocols/tables.h"

namespace assay {

std::vector<Protocol> own_protocols() {
  return {
      {"denoising-loss",
       "Squared error of the predicted noise on held-out images, mean over pixels and fixed steps of the schedule.\n"
       "The same noise under every condition, so that losses are paired by image.",
       "Assay: the training loss of DDPM (arXiv:2006.11239, eq. 14), on held-out images",
       {{"weights", "as sampled"}, {"noise", "Philox by seed, image and step"}, {"guidance", "none: w = 0 or w = 1"}}},
      {"guidance-events",
       "What classifier guidance met while sampling, over samples and steps: guidance that was not finite, the "
       "largest\n"
       "EDS scale k, shares of k above 1e4, of a floored entropy, and of a classifier sure (p > 0.9) of another class.",
       "Assay, on ED-DPM's entropy scale (arXiv:2206.11474)",
       {{"sure", "p > 0.9"}}},
      {"image-classifier",
       "Share of images that a small classifier of clean images takes for the class that was asked for.\n"
       "The guide is the classifier that tokens were learned with, the judge another one that nothing was learned "
       "with.",
       "Assay, after the evaluation of Discriminative Class Tokens (arXiv:2303.17155)",
       {{"decision", "largest logit, first of equals"}, {"classifiers", "one architecture, two seeds"}}},
      {"augmentation",
       "Accuracy on held-out images of a fresh classifier of few real images, alone and with drawn ones beside.\n"
       "The mean over classes, those without held-out images left out.",
       "Assay, after the augmentation of Discriminative Class Tokens (arXiv:2303.17155)",
       {{"real images", "chosen by seed"}, {"decision", "largest logit, first of equals"}}},
      {"attention-cut",
       "What masks from attention show besides their overlap: the mean IoU by which lambda and threshold were chosen,\n"
       "the share of masks whose area is accepted, and of drawn images that show an object at all.",
       "Assay, on AttentionCut of DiffusionSeg (arXiv:2303.09813)",
       {{"chosen", "once for all seeds, the smallest of equal values"}, {"object", "by the colours of the data set"}}},
      {"inversion",
       "Peak signal-to-noise ratio of images that were inverted by DDIM and drawn again, mean over images of dB.",
       "Assay, on DDIM inversion (arXiv:2010.02502, section 4.3)",
       {{"range", "2, of values in [-1, 1]"}, {"clipped", "nothing"}, {"guidance", "none"}}},
      {"class-bias",
       "Share of drawn images that show what a biased guide has seen of their class.\n"
       "Shown: the image is redder, by the mean over pixels of R - (G + B) / 2, than the median training image.",
       "Assay, after what the paper's abstract says of a classifier's training data (arXiv:2303.17155)",
       {{"biased guide", "sees the redder half of these classes, the less red half of all others"}}},
      {"linear-probe",
       "Share of images that an independent linear classifier of clean images puts into the class that was asked for.\n"
       "Ridge regression onto one-hot labels of the training split, on the features of fd-small; closed form.",
       "Assay",
       {{"ridge", "1e-3 of the mean variance of a feature times n"}, {"decision", "largest answer, first of equals"}}},
      {"noisy-classifier",
       "Entropy over ln C, guidance gradient, accuracy and calibration of a noisy classifier on noised held-out "
       "images.\n"
       "gradient_norm: median L2 norm; gradient_ratio: its median over the last tenth of the steps over its peak.",
       "Assay, after the measurements in ED-DPM (arXiv:2206.11474)",
       {{"labels", "true"}, {"noise", "Philox by seed, image and step"}, {"spearman", "ties share their mean rank"}}},
      {"layout",
       "Mean IoU between the layout that guided an image and the layout found in it by the same means as in real "
       "images.\nOne confusion matrix over all pixels of all images; classes that occur in neither are left out.",
       "Assay, after the confusion matrix of Self-Guided Diffusion's published code",
       {{"boxes", "two classes: inside and outside; LOST on the same features"},
        {"masks", "K clusters; nearest centroid of the same features"}}},
      {"sampling",
       "Evaluations of the denoising network that one image takes; a guided step takes two.",
       "Assay",
       {{"evaluations", "counted from the sampler's steps, not measured"}}},
      {"nearest-training",
       "Distance to the nearest training image in the features of fd-small, of samples and of held-out images.\n"
       "copied_share: samples nearer to a training image than all but 1 % of the held-out images are.",
       "Assay; the comparison with held-out images after Meehan et al., arXiv:2004.05675",
       {{"distance", "Euclidean"}}},
      {"training",
       "What a training itself shows: its seconds, steps and operations, and how loss and gradient swing over the "
       "second "
       "half\nof its steps. Seconds are of this machine, beside whatever else it did: compare them within one run.",
       "Assay",
       {{"operations", "three times those of a forward pass; multiply-add counts two"},
        {"spread", "deviation over mean"},
        {"spike", "gradient norm above twice the median"}}},
      {"oracle",
       "Checks on a Gaussian mixture whose noise prediction is exact, so that samplers and guidance meet the truth.\n"
       "class_accuracy: nearest mean; variance_ratio: mean squared distance to the class mean over s^2.",
       "Assay, on closed-form noise prediction",
       {{"denoiser", "exact"}, {"classifier", "nearest mean"}}},
  };
}

}  // namespace assay

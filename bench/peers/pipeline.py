"""Images as a user of torchvision loads them: Pillow, CLIP's transform, a DataLoader with worker processes."""

import time

import torch
import weights
from PIL import Image
from serve import serve
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

run = {}


class Images(Dataset):
    def __init__(self, files, size, mean, std):
        self.files = files
        self.transform = transforms.Compose(
            [
                transforms.Resize(size, interpolation=transforms.InterpolationMode.BICUBIC),
                transforms.CenterCrop(size),
                transforms.ToTensor(),
                transforms.Normalize(mean, std),
            ]
        )

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        with Image.open(self.files[index]) as image:
            return self.transform(image.convert("RGB"))


def prepare(name, files, size, mean, std, batch_size, workers):
    """The workers stay from epoch to epoch, so that starting them is not measured."""
    dataset = Images(files, size, mean, std)
    run[name] = DataLoader(dataset, batch_size=batch_size, num_workers=workers, persistent_workers=True)
    next(iter(run[name]))


def save_batch(name, indices, path):
    weights.save(path, {"pixels": torch.stack([run[name].dataset[index] for index in indices])})


def epoch(name):
    start = time.perf_counter()
    images = sum(len(batch) for batch in run[name])
    return {"seconds": time.perf_counter() - start, "images": images}


serve(prepare=prepare, save_batch=save_batch, epoch=epoch)

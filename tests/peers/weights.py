"""Tiny models made by the other libraries, opened by `vlp`, exported by `vlp`, and opened there again.

`scripts/test-weights.sh` runs the stages, `make` and `check` with each version of transformers:

    python weights.py make   FOLDER          # models with the vectors that their own library gives
    python weights.py ours   FOLDER path/to/vlp
    python weights.py check  FOLDER          # what vlp exported, opened by its own library again
    python weights.py tune   FOLDER path/to/vlp   # 30 steps on own pairs, from one of the models
    python weights.py table  FOLDER

A case is one model in one file format and one type of numbers. Its pictures have the model's size, so that no resizing takes
part; its vectors have length one and are those of the weights as stored, computed in 32 bits.
"""
import json
import os
import pathlib
import subprocess
import sys

# Sums of 32-bit numbers in another order.
NEAR = 1e-5
TEXTS = ["a photo of a cat", "two dogs on a red sofa", "a diagram"]
WORDS = sorted({word for text in TEXTS for word in text.split()})
CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
TYPES = ["float32", "float16", "bfloat16"]

# What is written with a warning that the newest release of the other library does not read it.
WARNED = {("siglip-small", "open-clip")}

# What each family can be written as; everything else must be refused.
EXPORTS = {
    "vit": ["open-clip", "hugging-face", "timm"],
    "vit-quickgelu": ["open-clip", "hugging-face", "timm"],
    "vit-custom-text": ["open-clip", "hugging-face", "timm"],
    "vit-layer-scale": ["open-clip", "timm"],
    "vit-mean": ["open-clip"],
    "resnet": ["open-clip"],
    "siglip": ["open-clip", "hugging-face", "timm"],
    "clip": ["open-clip", "hugging-face", "timm"],
    "clip-gelu": ["open-clip", "hugging-face", "timm"],
    # open_clip up to 3.3.0 takes the sizes of a timm tower from its name alone, and timm has no name for the small ones.
    "siglip-small": ["hugging-face", "timm"],
    "clip-vision": ["timm"],
    "clip-vision-projected": ["timm"],
    "clip-text": [],
    "clip-text-projected": [],
    "siglip-vision": ["timm"],
    "siglip-text": [],
    "roberta": [],
    "clip-bert": [],
    "timm-vit": [],
    "timm-vit-plain": [],
    "timm-vit-siglip": [],
    "timm-resnet": [],
    "timm-convnext": [],
}


def word_tokenizer(folder, start, end, pad):
    """A tokenizer.json that knows the words of TEXTS."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    # RoBERTa's padding has the id 1, the others' 0.
    first = [start, pad] if start == "<s>" else [pad]
    special = list(dict.fromkeys(first + [end, "<unk>"] + ([start] if start else [])))
    vocab = {word: i for i, word in enumerate(special + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    tokenizer.add_special_tokens(special)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    front = f"{start} " if start else ""
    named = [(token, vocab[token]) for token in ([start] if start else []) + [end]]
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{front}$A {end}", special_tokens=named)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"pad_token": pad, "eos_token": end, "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return lambda text: tokenizer.encode(text).ids, vocab[pad]


def clip_ids(length):
    import open_clip

    return open_clip.SimpleTokenizer(context_length=length)(TEXTS).tolist()


def padded(encode, pad, length):
    return [(encode(text) + [pad] * length)[:length] for text in TEXTS]


def pictures(folder, side):
    import numpy as np
    from PIL import Image

    (folder / "pictures").mkdir()
    for k in range(3):
        y, x = np.mgrid[0:side, 0:side] * 32 // side
        pixels = np.stack([(5 + k) * x + 3 * y, x * y + 40 * k, 2 * x + y * y], -1).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / f"{k}.png")


def pixels(case, folder):
    import numpy as np
    import torch
    from PIL import Image

    read = [np.asarray(Image.open(folder / "pictures" / f"{k}.png")) for k in range(3)]
    values = torch.tensor(np.stack(read)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(case[key]).view(3, 1, 1) for key in ("mean", "std"))
    return (values - mean) / std


def unit(vectors):
    vectors = getattr(vectors, "pooler_output", vectors)
    return (vectors / vectors.norm(dim=-1, keepdim=True)).tolist()


class Maker:
    def __init__(self, root):
        self.root, self.count = root, 0

    def case(self, family, form, dtype, side, ids=None, mean=CLIP_MEAN, std=CLIP_STD):
        """A new case: its folder, the folder of the model, what is known of it."""
        folder = self.root / f"{family}.{form}.{dtype}"
        (folder / "model").mkdir(parents=True)
        pictures(folder, side)
        return folder, folder / "model", dict(family=family, form=form, dtype=dtype, side=side, ids=ids, mean=mean, std=std)

    def close(self, folder, case, image=None, text=None):
        """Keeps the vectors that the library itself gives."""
        import torch

        with torch.no_grad():
            case["images"] = unit(image(pixels(case, folder))) if image else None
            case["texts"] = unit(text(torch.tensor(case["ids"]))) if text else None
        (folder / "case.json").write_text(json.dumps(case))
        self.count += 1


def stir(model, seed):
    """No parameter keeps the value it starts from: zeros and ones would hide what is forgotten."""
    import torch

    torch.manual_seed(seed)
    with torch.no_grad():
        for name, value in list(model.named_parameters()) + list(model.named_buffers()):
            if name.endswith(("logit_scale", "logit_bias")) or not value.is_floating_point() or name.endswith("attn_mask"):
                continue
            noise = torch.randn_like(value) * 0.05
            value.copy_((value + noise).abs() + 0.5 if name.endswith("running_var") else value + noise)
    return model.eval()


def stored_as(model, dtype):
    """The model with its numbers rounded as the file will hold them, in 32 bits again, and the file's tensors."""
    import torch

    kind = getattr(torch, dtype)
    state = {name: value.to(kind) if value.is_floating_point() else value for name, value in model.state_dict().items()}
    model.load_state_dict({name: value.float() if value.is_floating_point() else value for name, value in state.items()})
    return {name: value.clone().contiguous() for name, value in state.items()}


def roberta_in_cache(words):
    """open_clip looks for the sizes of a text tower in the hub's cache, by its name; so does vlp."""
    folder = pathlib.Path(os.environ["HF_HOME"]) / "hub" / "models--tiny--roberta"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True, exist_ok=True)
    sizes = {"model_type": "roberta", "vocab_size": words, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
             "num_attention_heads": 2, "max_position_embeddings": 24, "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 0,
             "eos_token_id": 2, "layer_norm_eps": 1e-5, "hidden_act": "gelu"}
    (folder / "snapshots" / "abc" / "config.json").write_text(json.dumps(sizes))


def of_open_clip(make):
    import open_clip
    import torch
    from safetensors.torch import save_file

    text = {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2}
    vision = {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8}
    plain = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}
    words = len(WORDS) + 8
    roberta_in_cache(words)
    roberta = {"context_length": 16, "hf_model_name": "tiny/roberta", "hf_tokenizer_name": "tiny/roberta",
               "hf_model_pretrained": False, "hf_proj_type": "mlp", "hf_pooler_type": "mean_pooler"}
    siglip_text = {"context_length": 16, "vocab_size": words, "width": 64, "heads": 2, "layers": 2, "no_causal_mask": True,
                   "proj_bias": True, "pool_type": "last", "norm_kwargs": {"eps": 1e-6}, "hf_tokenizer_name": "tiny/words"}
    families = {
        "vit": plain,
        "vit-quickgelu": {**plain, "quick_gelu": True},
        "vit-custom-text": {**plain, "custom_text": True},
        "vit-layer-scale": {**plain, "vision_cfg": {**vision, "ls_init_value": 0.5}},
        "vit-mean": {**plain, "vision_cfg": {**vision, "pool_type": "avg", "final_ln_after_pool": True, "no_ln_pre": True},
                     "text_cfg": {**text, "pool_type": "last", "no_causal_mask": True}},
        "resnet": {**plain, "vision_cfg": {"image_size": 64, "layers": [1, 2, 1, 1], "width": 16, "head_width": 32, "patch_size": None}},
        "siglip": {"embed_dim": 768, "init_logit_bias": -10, "custom_text": True, "text_cfg": {**siglip_text},
                   "vision_cfg": {"image_size": 256, "timm_model_name": "vit_base_patch32_siglip_256", "timm_model_pretrained": False,
                                  "timm_pool": "map", "timm_proj": "none"}},
        "roberta": {**plain, "text_cfg": roberta},
    }
    for family, config in families.items():
        (make.root / "configs").mkdir(exist_ok=True)
        (make.root / "configs" / f"{family}-tiny.json").write_text(json.dumps(config))
    open_clip.add_model_config(make.root / "configs")
    for family, config in families.items():
        mean, std = ([0.5] * 3, [0.5] * 3) if family == "siglip" else (CLIP_MEAN, CLIP_STD)
        for form in ["safetensors", "bin", "checkpoint"]:
            for dtype in TYPES:
                # The big one once in each type.
                if family == "siglip" and form != "safetensors":
                    continue
                torch.manual_seed(1)
                model = stir(open_clip.create_model(f"{family}-tiny", pretrained_hf=False), 2)
                side = config["vision_cfg"]["image_size"]
                folder, inner, case = make.case(family, f"open_clip-{form}", dtype, side, mean=mean, std=std)
                if family in ("siglip", "roberta"):
                    front = (None, "</s>", "</s>") if family == "siglip" else ("<s>", "</s>", "<pad>")
                    encode, pad = word_tokenizer(inner, *front)
                    case["ids"] = padded(encode, pad, 16)
                else:
                    case["ids"] = clip_ids(16)
                state = stored_as(model, dtype)
                settings = {"model_cfg": config, "preprocess_cfg": {"mean": mean, "std": std, "resize_mode": "shortest"}}
                (inner / "open_clip_config.json").write_text(json.dumps(settings))
                if form == "safetensors":
                    save_file(state, inner / "open_clip_model.safetensors", metadata={"format": "pt"})
                elif form == "bin":
                    torch.save(state, inner / "open_clip_pytorch_model.bin")
                else:
                    prefixed = {f"module.{name}": value for name, value in state.items()}
                    torch.save({"epoch": 3, "name": "run", "state_dict": prefixed}, inner / "epoch_3.pt")
                    case["file"] = "epoch_3.pt"
                make.close(folder, case, model.encode_image, model.encode_text)


def of_transformers(make):
    import torch
    import transformers as tf

    form = f"transformers{tf.__version__.split('.')[0]}"
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    text, vision = {**sizes, "max_position_embeddings": 16}, {**sizes, "image_size": 32, "patch_size": 8}
    words = len(WORDS) + 8
    clip_text = {**text, "vocab_size": 49408, "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}
    siglip_text = {**text, "vocab_size": words, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
    bert = dict(sizes, vocab_size=words, max_position_embeddings=24, pad_token_id=0)

    def clip(act):
        return tf.CLIPModel(tf.CLIPConfig(text_config={**clip_text, "hidden_act": act}, vision_config={**vision, "hidden_act": act}, projection_dim=32))

    def dual():
        config = tf.VisionTextDualEncoderConfig.from_vision_text_configs(
            tf.CLIPVisionConfig(**vision), tf.BertConfig(**bert), projection_dim=32)
        return tf.VisionTextDualEncoderModel(config)

    images, texts = (lambda m: lambda x: m.get_image_features(pixel_values=x)), (lambda m: lambda x: m.get_text_features(input_ids=x))
    tower = lambda key: lambda m: lambda x: m(x)[key]
    with_mask = lambda m: lambda x: m.get_text_features(input_ids=x, attention_mask=(x != 0).long())
    families = {
        "clip": (lambda: clip("quick_gelu"), images, texts),
        "clip-gelu": (lambda: clip("gelu"), images, texts),
        "siglip-small": (lambda: tf.SiglipModel(tf.SiglipConfig(text_config=siglip_text, vision_config=vision)), images, texts),
        "clip-vision": (lambda: tf.CLIPVisionModel(tf.CLIPVisionConfig(**vision)), tower("pooler_output"), None),
        "clip-vision-projected": (lambda: tf.CLIPVisionModelWithProjection(tf.CLIPVisionConfig(**vision, projection_dim=32)), tower("image_embeds"), None),
        "clip-text": (lambda: tf.CLIPTextModel(tf.CLIPTextConfig(**clip_text)), None, tower("pooler_output")),
        "clip-text-projected": (lambda: tf.CLIPTextModelWithProjection(tf.CLIPTextConfig(**clip_text, projection_dim=32)), None, tower("text_embeds")),
        "siglip-vision": (lambda: tf.SiglipVisionModel(tf.SiglipVisionConfig(**vision)), tower("pooler_output"), None),
        "siglip-text": (lambda: tf.SiglipTextModel(tf.SiglipTextConfig(**siglip_text)), None, tower("pooler_output")),
        "clip-bert": (dual, images, with_mask),
    }
    for family, (build, image, text) in families.items():
        siglip = family.startswith("siglip")
        for sharded in [False, True]:
            if sharded and family not in ("clip", "siglip-small"):
                continue
            for dtype in TYPES:
                torch.manual_seed(1)
                model = stir(build(), 2)
                stored_as(model, dtype)
                half = [0.5] * 3
                folder, inner, case = make.case(family, form + ("-sharded" if sharded else ""), dtype, 32,
                                                mean=half if siglip else CLIP_MEAN, std=half if siglip else CLIP_STD)
                if siglip or family == "clip-bert":
                    encode, pad = word_tokenizer(inner, *((None, "</s>", "</s>") if siglip else ("[CLS]", "[SEP]", "[PAD]")))
                    case["ids"] = padded(encode, pad, 16)
                else:
                    case["ids"] = clip_ids(16)
                import copy
                copy.deepcopy(model).to(getattr(torch, dtype)).save_pretrained(inner, **({"max_shard_size": "1MB"} if sharded else {}))
                if image:
                    kind = tf.SiglipImageProcessor if siglip else tf.CLIPImageProcessor
                    size = {"height": 32, "width": 32} if siglip else {"shortest_edge": 32}
                    kind(size=size, **({} if siglip else {"crop_size": {"height": 32, "width": 32}})).save_pretrained(inner)
                make.close(folder, case, image and image(model), text and text(model))


def of_timm(make):
    import timm
    import torch
    from timm.models._hub import save_for_hf

    sizes = {"embed_dim": 64, "depth": 2, "num_heads": 2, "img_size": 32, "patch_size": 8}
    families = {
        "timm-vit": ("vit_base_patch32_clip_224", sizes),
        "timm-vit-plain": ("vit_tiny_patch16_224", sizes),
        "timm-vit-siglip": ("vit_base_patch16_siglip_224", sizes),
        "timm-resnet": ("resnet18", {}),
        "timm-convnext": ("convnext_atto", {"depths": [1, 1, 2, 1], "dims": [16, 32, 48, 64]}),
    }
    for family, (name, arguments) in families.items():
        for form in ["bin", "safetensors"]:
            for dtype in TYPES:
                torch.manual_seed(1)
                model = stir(timm.create_model(name, **arguments), 2)
                state = stored_as(model, dtype)
                side = arguments.get("img_size", 224)
                settings = model.pretrained_cfg
                folder, inner, case = make.case(family, f"timm-{form}", dtype, side, mean=list(settings["mean"]), std=list(settings["std"]))
                model.load_state_dict(state)
                import copy
                # The central crop would cut into pictures of the model's own size.
                save_for_hf(copy.deepcopy(model).to(getattr(torch, dtype)), inner, safe_serialization=form == "safetensors",
                            model_args=arguments, data_config={"crop_pct": 1.0, "test_crop_pct": 1.0})
                make.close(folder, case, lambda x: model.forward_head(model.forward_features(x), pre_logits=True))


def make(root):
    import transformers

    maker = Maker(root)
    of_transformers(maker)
    if transformers.__version__.startswith("5."):
        of_open_clip(maker)
        of_timm(maker)
    print(f"{maker.count} cases")


def folders(root):
    return sorted(path.parent for path in root.glob("*/case.json"))


def ours(root, vlp):
    import numpy as np

    for folder in folders(root):
        case = json.loads((folder / "case.json").read_text())
        model = folder / "model" / case.get("file", "")
        said = {}

        def run(*arguments):
            return subprocess.run([vlp, *map(str, arguments)], capture_output=True, text=True)

        def compare(what, arguments, wanted):
            if wanted is None:
                return
            out = folder / f"{what}.npy"
            done = run("embed", *arguments, "--out", out)
            if done.returncode:
                said[what] = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
            else:
                said[what] = float(np.abs(np.load(out) - np.array(wanted)).max())

        lines = folder / "texts.txt"
        lines.write_text("\n".join(TEXTS) + "\n")
        compare("images", [model, folder / "pictures"], case["images"])
        compare("texts", [model, "--texts", lines], case["texts"])
        for target in ["open-clip", "hugging-face", "timm"]:
            done = run("convert", model, folder / target, "--to", target)
            if done.returncode == 0 and (case["family"], target) in WARNED:
                said[target] = "written with a warning" if "warning" in done.stderr else ""
            elif done.returncode:
                said[target] = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"
        (folder / "ours.json").write_text(json.dumps(said))


def with_open_clip(inner, case):
    import open_clip

    model = open_clip.create_model(f"local-dir:{inner}", precision="fp32").eval()
    return model.encode_image, model.encode_text


def with_transformers(inner, case):
    import torch
    import transformers as tf

    version = {"dtype": torch.float32} if tf.__version__.startswith("5.") else {"torch_dtype": torch.float32}
    model, info = tf.AutoModel.from_pretrained(inner, output_loading_info=True, **version)
    trouble = {key: value for key, value in info.items() if value}
    if trouble:
        raise ValueError(f"not strict: {trouble}")
    model.eval()
    return (lambda x: model.get_image_features(pixel_values=x)), (lambda x: model.get_text_features(input_ids=x))


def with_timm(inner, case):
    import timm
    from safetensors.torch import load_file

    state = {name: value.float() for name, value in load_file(inner / "model.safetensors").items()}
    width, patch = state["patch_embed.proj.weight"].shape[0], state["patch_embed.proj.weight"].shape[-1]
    depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    siglip = "attn_pool.latent" in state
    family, tiny = case["family"], width == 64
    name = "vit_base_patch16_siglip_224" if siglip else "vit_base_patch16_clip_quickgelu_224"
    if siglip and not tiny:
        name = "vit_base_patch32_siglip_256"
    quick = family in ("vit-quickgelu", "clip", "clip-vision", "clip-vision-projected")
    arguments = {} if siglip else {"act_layer": "quick_gelu" if quick else "gelu"}
    if siglip and tiny:
        # transformers' SiglipModel has GELU's tanh form.
        arguments = {"act_layer": "gelu_tanh"}
    if "blocks.0.ls1.gamma" in state:
        arguments["init_values"] = 0.5
    head = state.get("head.weight")
    model = timm.create_model(name, num_classes=0 if head is None else head.shape[0], embed_dim=width, depth=depth,
                              num_heads=2 if tiny else 12, img_size=case["side"], patch_size=patch,
                              mlp_ratio=state["blocks.0.mlp.fc1.weight"].shape[0] / width, **arguments)
    if head is not None:
        import torch

        state.setdefault("head.bias", torch.zeros(head.shape[0]))
    model.load_state_dict(state)
    return model.eval(), None


RECIPE = """
seed = 3
steps = 30
batch_size = 8
normalization = "openai"

[[data.train]]
source = "pairs.tar"

[init]
weights = "{weights}"

[views]
size = 32
strong = 0

[image]
kind = "vit"
image_size = 32
stem = {{ kind = "patch", size = 8 }}
stem_bias = false
width = 64
depth = 2
heads = 2
pre_norm = true
norm_eps = 1e-5

[text]
vocab_size = 49408
context_length = 16
width = 64
depth = 2
heads = 2
activation = "gelu"

[method]
name = "clip"
embed_dim = 32

[optimizer]
beta_1 = 0.9
beta_2 = 0.98
epsilon = 1e-8
weight_decay = 0.1

[schedule]
start = 1e-6
peak = 1e-3
end = 1e-5
warmup = 0.1

"""
TUNED = {
    "whole": "",
    "locked": "[lock]\nimage = 1\ntext = 2\n",
    "adapters": "[lora]\nimage = { rank = 2, alpha = 4.0, layers = [\"qkv\", \"attention.out\"] }\ntext = { rank = 2, alpha = 4.0 }\n",
}


def tune(root, vlp):
    """Fine-tunes one of the models with `vlp train`, and compares the run itself with its exports in both libraries."""
    import io
    import tarfile

    import numpy as np
    import torch
    from PIL import Image
    from safetensors.torch import load_file

    source = root / "vit.open_clip-safetensors.float32"
    case, work = json.loads((source / "case.json").read_text()), root / "tuned"
    work.mkdir()
    with tarfile.open(work / "pairs.tar", "w") as tar:
        for k in range(24):
            y, x = np.mgrid[0:32, 0:32]
            picture = io.BytesIO()
            colours = np.stack([8 * x * (k % 2), 8 * y * (k % 3) // 2, 9 * k + 0 * x], -1).astype(np.uint8)
            Image.fromarray(colours).save(picture, "PNG")
            for ending, data in (("png", picture.getvalue()), ("txt", f"picture {k} of {k % 2} and {k % 3}".encode())):
                member = tarfile.TarInfo(f"{k:03}.{ending}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    before, failed = load_file(source / "model" / "open_clip_model.safetensors"), 0

    def run(*arguments):
        done = subprocess.run([os.path.abspath(vlp), *map(str, arguments)], capture_output=True, text=True, cwd=work)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])

    for name, more in TUNED.items():
        try:
            (work / f"{name}.toml").write_text(RECIPE.format(weights=source / "model") + more)
            run("train", f"{name}.toml", "--out", name, "--workers", "1")
            run("embed", name, source / "pictures", "--out", work / f"{name}-images.npy")
            run("embed", name, "--texts", source / "texts.txt", "--out", work / f"{name}-texts.npy")
            mine = [np.load(work / f"{name}-{what}.npy") for what in ("images", "texts")]
            off = {}
            for peer, target, load in (("open_clip", "open-clip", with_open_clip), ("transformers", "hugging-face", with_transformers)):
                run("convert", name, work / f"{name}-{target}", "--to", target)
                image, text = load(work / f"{name}-{target}", case)
                with torch.no_grad():
                    theirs = unit(image(pixels(case, source))), unit(text(torch.tensor(case["ids"])))
                off[peer] = max(float(np.abs(a - np.array(b)).max()) for a, b in zip(mine, theirs))
            after = load_file(work / f"{name}-open-clip" / "open_clip_model.safetensors")
            same = {key for key in before if torch.equal(before[key], after[key])}
            moved = max(float(np.abs(a - np.array(case[what])).max()) for a, what in zip(mine, ("images", "texts")))
            good = all(value < 1e-4 for value in off.values()) and moved > 1e-3
            if name == "locked":
                learns = lambda key: key in ("visual.proj", "text_projection", "logit_scale") or key.startswith(("ln_final", "transformer.resblocks.1."))
                good &= all(learns(key) != (key in same) for key in before)
            if name == "adapters":
                good &= "visual.conv1.weight" in same and "visual.transformer.resblocks.0.attn.in_proj_weight" not in same
            said = ", ".join(f"{peer} {value:.0e}" for peer, value in off.items())
            print(f"{'ok  ' if good else 'FAIL'} 30 steps, {name}: {said}; {len(same)} of {len(before)} tensors bit-equal, vectors moved by {moved:.2f}")
        except Exception as error:
            good = False
            print(f"FAIL 30 steps, {name}: {type(error).__name__}: {error}")
        failed += not good
    sys.exit(failed > 0)


def check(root):
    import torch
    import transformers

    major = transformers.__version__.split(".")[0]
    peers = {f"transformers{major}": ("hugging-face", with_transformers)}
    if major == "5":
        peers |= {"open_clip": ("open-clip", with_open_clip), "timm": ("timm", with_timm)}
    for folder in folders(root):
        case, said = json.loads((folder / "case.json").read_text()), {}
        for peer, (target, load) in peers.items():
            inner = folder / target
            if not inner.is_dir():
                continue
            try:
                image, text = load(inner, case)
                off = []
                with torch.no_grad():
                    if case["images"]:
                        off.append((torch.tensor(unit(image(pixels(case, folder)))) - torch.tensor(case["images"])).abs().max().item())
                    if case["texts"] and text:
                        off.append((torch.tensor(unit(text(torch.tensor(case["ids"])))) - torch.tensor(case["texts"])).abs().max().item())
                said[peer] = max(off)
            except Exception as error:
                said[peer] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        (folder / f"peers{major}.json").write_text(json.dumps(said))


def table(root):
    targets = {"open_clip": "open-clip", "transformers4": "hugging-face", "transformers5": "hugging-face", "timm": "timm"}
    passed, failed, counts = 0, 0, {}
    for folder in folders(root):
        case, mine = json.loads((folder / "case.json").read_text()), json.loads((folder / "ours.json").read_text())
        peers = {}
        for name in ("peers4.json", "peers5.json"):
            if (folder / name).exists():
                peers |= json.loads((folder / name).read_text())
        cells, good = [], True
        for what in ("images", "texts"):
            if case[what] is not None:
                value = mine.get(what)
                fine = isinstance(value, float) and value < NEAR
                good &= fine
                cells.append(f"{what} {value:.0e}" if isinstance(value, float) else f"{what} {value}")
        can = EXPORTS[case["family"]]
        for peer, target in targets.items():
            value = peers.get(peer)
            if target not in can:
                fine = bool(mine.get(target))
                warned = (case["family"], target) in WARNED
                cells.append(f"{peer} {'warned' if warned else 'refused'}" if fine else f"{peer} WRITTEN WITHOUT A WORD")
            elif isinstance(value, float):
                fine = value < NEAR
                cells.append(f"{peer} {value:.0e}")
            else:
                fine = False
                cells.append(f"{peer} {value or mine.get(target) or 'not checked'}")
            good &= fine
            if target in can:
                key = (case["family"], peer)
                counts.setdefault(key, [0, 0])
                counts[key][0 if fine else 1] += 1
        passed, failed = passed + good, failed + (not good)
        key = (case["family"], "vlp")
        opened = all(isinstance(mine.get(what), float) and mine[what] < NEAR for what in ("images", "texts") if case[what] is not None)
        counts.setdefault(key, [0, 0])[0 if opened else 1] += 1
        print(f"{'ok  ' if good else 'FAIL'} {case['family']:22} {case['form']:24} {case['dtype']:9} {', '.join(cells)}")
    columns = ["vlp", *targets]
    print("\nopened by (cases that agree / all); - where the layout cannot say the family\n")
    print(f"{'family':24}" + "".join(f"{column:>15}" for column in columns))
    for family in EXPORTS:
        row = [counts.get((family, column)) for column in columns]
        print(f"{family:24}" + "".join(f"{(f'{c[0]}/{sum(c)}' if c else '-'):>15}" for c in row))
    print(f"\n{passed} passed, {failed} failed")
    sys.exit(failed > 0 or passed == 0)


if __name__ == "__main__":
    stages = {"make": make, "ours": ours, "check": check, "tune": tune, "table": table}
    if len(sys.argv) < 3 or sys.argv[1] not in stages:
        sys.exit(__doc__)
    stages[sys.argv[1]](pathlib.Path(sys.argv[2]).absolute(), *sys.argv[3:])

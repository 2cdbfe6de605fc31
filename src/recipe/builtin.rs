//! The recipes that are part of this library.

/// Name and text of each recipe, by name.
pub(super) const BUILTIN: &[(&str, &str)] = &[
    ("baselines", include_str!("../../recipes/baselines.toml")),
    ("barlip-r50-cc12m", include_str!("../../recipes/barlip-r50-cc12m.toml")),
    ("barlip-r50-cc3m", include_str!("../../recipes/barlip-r50-cc3m.toml")),
    ("barlip-r50-yfcc15m", include_str!("../../recipes/barlip-r50-yfcc15m.toml")),
    ("barlip-vits16-yfcc15m", include_str!("../../recipes/barlip-vits16-yfcc15m.toml")),
    ("byolip-r50-cc12m", include_str!("../../recipes/byolip-r50-cc12m.toml")),
    ("byolip-r50-cc3m", include_str!("../../recipes/byolip-r50-cc3m.toml")),
    ("byolip-r50-yfcc15m", include_str!("../../recipes/byolip-r50-yfcc15m.toml")),
    ("byolip-vits16-yfcc15m", include_str!("../../recipes/byolip-vits16-yfcc15m.toml")),
    ("clip-rocket-r50-29m", include_str!("../../recipes/clip-rocket-r50-29m.toml")),
    ("clip-rocket-r50-cc12m", include_str!("../../recipes/clip-rocket-r50-cc12m.toml")),
    ("clip-rocket-r50-cc3m", include_str!("../../recipes/clip-rocket-r50-cc3m.toml")),
    ("clip-rocket-r50-yfcc15m", include_str!("../../recipes/clip-rocket-r50-yfcc15m.toml")),
    ("clip-rocket-vitb16-yfcc15m", include_str!("../../recipes/clip-rocket-vitb16-yfcc15m.toml")),
    ("clip-rocket-vitb16-yfcc15m-25ep", include_str!("../../recipes/clip-rocket-vitb16-yfcc15m-25ep.toml")),
    ("clip-rocket-vits16-yfcc15m", include_str!("../../recipes/clip-rocket-vits16-yfcc15m.toml")),
    ("clip-rocket-vits16-yfcc15m-25ep", include_str!("../../recipes/clip-rocket-vits16-yfcc15m-25ep.toml")),
    ("clip-vitb16-cc12m", include_str!("../../recipes/clip-vitb16-cc12m.toml")),
    ("clip-vitb16-cc3m", include_str!("../../recipes/clip-vitb16-cc3m.toml")),
    ("clip-vitb16-yfcc15m", include_str!("../../recipes/clip-vitb16-yfcc15m.toml")),
    ("clip-vitl16-yfcc15m", include_str!("../../recipes/clip-vitl16-yfcc15m.toml")),
    ("clip-vits16-yfcc15m", include_str!("../../recipes/clip-vits16-yfcc15m.toml")),
    ("nclip-vitb16-yfcc15m", include_str!("../../recipes/nclip-vitb16-yfcc15m.toml")),
    ("quickstart", include_str!("../../recipes/quickstart.toml")),
    ("siamlip-r50-cc12m", include_str!("../../recipes/siamlip-r50-cc12m.toml")),
    ("siamlip-r50-cc3m", include_str!("../../recipes/siamlip-r50-cc3m.toml")),
    ("siamlip-r50-yfcc15m", include_str!("../../recipes/siamlip-r50-yfcc15m.toml")),
    ("siamlip-vits16-yfcc15m", include_str!("../../recipes/siamlip-vits16-yfcc15m.toml")),
    ("siglip-vitb16-webli", include_str!("../../recipes/siglip-vitb16-webli.toml")),
    ("slip-vitb16-cc12m", include_str!("../../recipes/slip-vitb16-cc12m.toml")),
    ("slip-vitb16-cc3m", include_str!("../../recipes/slip-vitb16-cc3m.toml")),
    ("slip-vitb16-yfcc15m", include_str!("../../recipes/slip-vitb16-yfcc15m.toml")),
    ("slip-vitb16-yfcc15m-100ep", include_str!("../../recipes/slip-vitb16-yfcc15m-100ep.toml")),
    ("slip-vitb16-yfcc15m-50ep", include_str!("../../recipes/slip-vitb16-yfcc15m-50ep.toml")),
    ("slip-vitl16-yfcc15m", include_str!("../../recipes/slip-vitl16-yfcc15m.toml")),
    ("slip-vits16-yfcc15m", include_str!("../../recipes/slip-vits16-yfcc15m.toml")),
    ("swalip-r50-cc12m", include_str!("../../recipes/swalip-r50-cc12m.toml")),
    ("swalip-r50-cc3m", include_str!("../../recipes/swalip-r50-cc3m.toml")),
    ("swalip-r50-yfcc15m", include_str!("../../recipes/swalip-r50-yfcc15m.toml")),
    ("swalip-v1-r50-yfcc15m", include_str!("../../recipes/swalip-v1-r50-yfcc15m.toml")),
    ("swalip-vits16-yfcc15m", include_str!("../../recipes/swalip-vits16-yfcc15m.toml")),
    ("xclip-vitb16-yfcc15m", include_str!("../../recipes/xclip-vitb16-yfcc15m.toml")),
];

/// The text of the recipe of this name, with or without `.toml`.
pub(super) fn text(name: &str) -> Option<&'static str> {
    let name = name.strip_suffix(".toml").unwrap_or(name);
    BUILTIN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

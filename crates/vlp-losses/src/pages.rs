//! The code on the documentation pages, compiled as documentation tests.

macro_rules! pages {
    ($($page:ident)*) => {
        $(#[doc = include_str!(concat!("../../../docs/losses/", stringify!($page), ".md"))] mod $page {})*
    };
}

pages! {
    barlip barlow_twins clip_rocket cluster coca combinators cyclip dcl dino distillation filip info_loob info_nce moco_v3
    negative_cosine nt_xent siamlip sigmoid slip swalip swalip_v1 swav vicreg xclip
}

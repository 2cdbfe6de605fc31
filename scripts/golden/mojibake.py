"""Captions broken through the usual code pages, with the ids that open_clip 3.3.0 (ftfy 6.3.1) gives them.

    python3 scripts/golden/mojibake.py crates/vlp-data/tests/golden/mojibake.json.gz

Needs ftfy 6.3.1, regex and open_clip_torch 3.3.0 (without its dependencies: torch is not used).
"""

import gzip
import importlib.util
import json
import os
import random
import sys
import types

import ftfy.bad_codecs  # noqa: F401, registers the sloppy code pages

WORDS = {
    "fr": "café crème brûlée château forêt d'Orléans l'été à la plage où cœur œuvre Noël naïve garçon élève déjà vu".split(" "),
    "de": "München MÜNCHEN Straße Größe Äpfel Österreich Übung schöne Gemüse Köln Fußgänger Würste „Zitat“ – Grüße".split(" "),
    "es": "niño señor ¿Qué? ¡Hola! corazón mañana pingüino España años José camión jardín árbol".split(" "),
    "pt": "São Paulo coração maçã às avó português pão à noite àquela açúcar João Brasília ônibus".split(" "),
    "pl": "Łódź Kraków żółty zażółć gęślą jaźń Gdańsk śnieg źródło ćma święto pączki".split(" "),
    "cs": "Příbram žluťoučký kůň Plzeň České Budějovice dřevo šťastný ďábel ťukal ěščřžýáíé".split(" "),
    "hu": "Győr tükörfúrógép árvíztűrő Budapest őszi fűszer kéményseprő".split(" "),
    "ro": "București șapte țară înger mămăligă Brașov".split(" "),
    "hr": "Šibenik Đakovo čaša život ćevapčići Žumberak".split(" "),
    "lv": "Rīga Jūrmala Liepāja ķirbis ģimene ņem šķiņķis ēka Ādaži Čiekurkalns".split(" "),
    "lt": "Vilnius Šiauliai ąžuolas ežeras mėlynė Žemaitija ūkis įlanka".split(" "),
    "et": "Põlva Tõrva õunapuu Jõgeva käsi öö Võru".split(" "),
    "tr": "İzmir İstanbul Eskişehir çiçek ağaç ışık gözlük şeker Ümraniye".split(" "),
    "el": "Αθήνα θάλασσα ήλιος γάτα Ελλάδα βιβλίο Ύδρα".split(" "),
    "ru": "Москва кошка снег зимний лес Ёлка чай мост Петербург объект".split(" "),
    "uk": "Київ їжак Львів ґанок сонце поле".split(" "),
    "ar": "قطة على سجادة القاهرة البحر".split(" "),
    "he": "חתול ירושלים ים".split(" "),
    "zh": "一只猫 北京 红色的汽车 海滩".split(" "),
    "ja": "猫の写真 東京タワー カメラ ありがとう".split(" "),
    "ko": "고양이 서울 바다 사진".split(" "),
    "hi": "बिल्ली दिल्ली सागर".split(" "),
    "th": "แมว กรุงเทพ".split(" "),
    "vi": "Hà Nội Đà Nẵng phở bò một con mèo".split(" "),
    "is": "Reykjavík Þingvellir ís þæð Ísafjörður".split(" "),
    "no": "Tromsø Ålesund blåbær Øyer fjære".split(" "),
    "signs": "it’s “quoted” — dash… 5€ £10 25°C ±2 ½ ©2020 ™ ® • naïve → ✓ ❤️ 😀 🐱‍👤 🇩🇪 ¥500 x² № 5".split(" "),
}
FRAMES = ["a photo of {}", "{} at night", "the old town of {}, painting", "{}", "two people in {} & friends", "{} (1998)", "{}: {}",
          "my trip to {} – part 2", "{} | {} | stock photo", "A {} B", "lamp, {}'s best", "{} &amp; {}", "1 < 2 {} &eacute;", "<b>{}</b> &lt;i&gt;",
          "{}, {}, {}", "Photo: {}…", "“{}”", "{}\n{}", "{} 😀"]
PAGES = ["latin-1", "sloppy-windows-1252", "sloppy-windows-1251", "sloppy-windows-1250", "sloppy-windows-1253", "sloppy-windows-1254",
         "sloppy-windows-1257", "iso-8859-2", "macroman", "cp437"]
HOW = ["whole", "whole", "whole", "part", "twice", "lossy", "blanks", "question", "upper"]


def broken(text, page, how, rng):
    read = lambda t: t.encode("utf-8").decode(page, "replace")
    if how == "whole":
        return read(text)
    if how == "part":
        words = text.split(" ")
        at = rng.randrange(len(words))
        return " ".join(read(w) if i == at else w for i, w in enumerate(words))
    if how == "twice":
        return read(read(text))
    if how == "lossy":
        return text.encode("utf-8").decode(page.replace("sloppy-", ""), "replace")
    if how == "blanks":
        return read(text).replace("\xa0", " ")
    if how == "question":
        return text.encode("utf-8").decode(page.replace("sloppy-", ""), "replace").replace("\ufffd", "?")
    return read(text.upper())


def tokenizer():
    folder = os.path.dirname(importlib.util.find_spec("open_clip").origin)
    sys.modules["torch"] = types.SimpleNamespace(Tensor=object, LongTensor=object)
    spec = importlib.util.spec_from_file_location("clip_tokenizer", os.path.join(folder, "tokenizer.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SimpleTokenizer()


def main():
    rng, encode, seen, cases = random.Random(7), tokenizer(), set(), []
    languages = list(WORDS)
    turn = 0
    while len(cases) < int(sys.argv[2] if len(sys.argv) > 2 else 2000):
        page, how, language = PAGES[turn % len(PAGES)], rng.choice(HOW), languages[turn // len(PAGES) % len(languages)]
        turn += 1
        words = lambda: " ".join(rng.sample(WORDS[language], min(rng.choice([1, 1, 2, 3]), len(WORDS[language]))))
        frame = rng.choice(FRAMES)
        text = broken(frame.format(*(words() for _ in range(frame.count("{}")))), page, how, rng)
        if text in seen:
            continue
        seen.add(text)
        cases.append([f"{page} {how}", text, encode.encode(text)])
    with gzip.GzipFile(sys.argv[1], "wb", mtime=0) as file:
        file.write(json.dumps(cases, ensure_ascii=True, separators=(",", ":")).encode())


if __name__ == "__main__":
    main()

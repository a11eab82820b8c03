//! One spelling for one word: lower case, full width to ASCII, NFD to NFC, half-width kana to full width, traditional
//! Chinese to simplified. Every glyph remembers the bytes that it came from, so that evidence can point at them.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::paste::Line;

/// A piece of code in the middle of a sentence: `` `name` ``, `snake_case`, `call()`.
pub(super) const IDENT: char = '\u{F8F0}';
/// A path or a file name.
pub(super) const PATH: char = '\u{F8F1}';
/// A web address.
pub(super) const LINK: char = '\u{F8F2}';

/// One folded character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glyph {
    pub(super) c: char,
    /// The bytes of the original text.
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Folded text, one glyph a character; lines end with a `'\n'` glyph.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) glyphs: Vec<Glyph>,
    /// Where each line ends, with whether it is a list item.
    pub(super) items: Vec<(usize, bool)>,
    /// Kana is in it.
    pub(super) kana: bool,
    /// Hangul is in it.
    pub(super) hangul: bool,
    /// Han characters are in it.
    pub(super) han: bool,
}

/// Folds the typed lines of `text`.
pub(super) fn fold(text: &str, lines: &[Line]) -> Folded {
    let mut folded = Folded::default();
    for line in lines {
        let Some(content) = text.get(line.span.clone()) else { continue };
        folded.line(content, line.span.start);
        folded.push('\n', line.span.end, line.span.end);
        folded.items.push((folded.glyphs.len(), line.item));
    }
    if folded.han && !folded.kana && !folded.hangul {
        for glyph in &mut folded.glyphs {
            glyph.c = simplified(glyph.c);
        }
    }
    folded.unquote();
    folded
}

impl Folded {
    fn push(&mut self, c: char, start: usize, end: usize) {
        let (start, end) = (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(end).unwrap_or(u32::MAX));
        self.glyphs.push(Glyph { c, start, end });
    }

    fn line(&mut self, content: &str, offset: usize) {
        let mut rest = content;
        let mut at = offset;
        while let Some(c) = rest.chars().next() {
            let length = match self.token(rest, at) {
                0 => {
                    self.character(c, at, at + c.len_utf8());
                    c.len_utf8()
                }
                length => length,
            };
            rest = rest.get(length..).unwrap_or_default();
            at += length;
        }
    }

    /// Puts one glyph for a token that is no word; gives its length in bytes, or 0.
    fn token(&mut self, rest: &str, at: usize) -> usize {
        let first = rest.as_bytes().first().copied().unwrap_or_default();
        if first == b'`' {
            let inside = rest.get(1..).unwrap_or_default();
            let length = inside.find('`').map_or(0, |end| end + 2);
            if (3..200).contains(&length) {
                self.push(IDENT, at, at + length);
                return length;
            }
            return 0;
        }
        if first == b'[' {
            return self.placeholder(rest, at);
        }
        let inside_word = self
            .glyphs
            .last()
            .is_some_and(|glyph| glyph.c.is_ascii_alphanumeric() || glyph.c == IDENT || glyph.c == PATH);
        if !first.is_ascii() || first.is_ascii_whitespace() || inside_word {
            return 0;
        }
        let length =
            rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"/._-~@:?=&#%+()".contains(byte)).count();
        let word = rest.get(..length).unwrap_or_default().trim_end_matches(['.', ':', '?', ',', ')', '-']);
        let Some(glyph) = shape(word) else { return 0 };
        self.push(glyph, at, at + word.len());
        word.len()
    }

    /// `[Image #1]`, `[Pasted text #2 +31 lines]`: what Claude Code shows for something pasted.
    fn placeholder(&mut self, rest: &str, at: usize) -> usize {
        if !["[Image #", "[Pasted text"].iter().any(|start| rest.starts_with(start)) {
            return 0;
        }
        let length = rest.find(']').map_or(0, |end| end + 1);
        if length > 0 && self.glyphs.last().is_some_and(|last| last.c != ' ' && last.c != '\n') {
            self.push(' ', at, at + length);
        }
        length
    }

    fn character(&mut self, c: char, start: usize, end: usize) {
        let c = narrow(c);
        if c.is_ascii() {
            let c = if c.is_ascii_whitespace() { ' ' } else { c.to_ascii_lowercase() };
            let repeated = c == ' ' && self.glyphs.last().is_none_or(|last| last.c == ' ' || last.c == '\n');
            if !repeated {
                self.push(c, start, end);
            }
            return;
        }
        if let Some(last) = self.glyphs.last_mut()
            && let Some(composed) = compose(last.c, c)
        {
            last.c = composed;
            last.end = u32::try_from(end).unwrap_or(u32::MAX);
            self.hangul |= ('가'..='힣').contains(&composed);
            return;
        }
        match c {
            'ぁ'..='ヿ' if c != '・' && c != 'ー' => self.kana = true,
            '가'..='힣' => self.hangul = true,
            '一'..='鿿' => self.han = true,
            '\u{200B}'..='\u{200D}' | '\u{FEFF}' | '\u{FE0F}' => return,
            _ => {}
        }
        let lower = if is_east_asian(c) { c } else { c.to_lowercase().next().unwrap_or(c) };
        self.push(lower, start, end);
    }

    /// Blanks what stands in quotation marks, unless hardly anything stands outside them.
    fn unquote(&mut self) {
        let mut inside = vec![false; self.glyphs.len()];
        let mut open: Option<(usize, char)> = None;
        for (at, glyph) in self.glyphs.iter().enumerate() {
            match (open, glyph.c) {
                (_, '\n') => open = None,
                (Some((start, close)), c) if c == close => {
                    if at - start > 2
                        && let Some(range) = inside.get_mut(start..=at)
                    {
                        range.fill(true);
                    }
                    open = None;
                }
                (None, '"') => open = Some((at, '"')),
                (None, '「') => open = Some((at, '」')),
                (None, '『') => open = Some((at, '』')),
                (None, '《') => open = Some((at, '》')),
                (None, '“') => open = Some((at, '”')),
                (None, '«') => open = Some((at, '»')),
                _ => {}
            }
        }
        let letters = |wanted: bool| {
            self.glyphs.iter().zip(&inside).filter(|(glyph, inside)| **inside == wanted && is_word(glyph.c)).count()
        };
        let (quoted, plain) = (letters(true), letters(false));
        if quoted == 0 || plain < 5 {
            return;
        }
        for (glyph, inside) in self.glyphs.iter_mut().zip(&inside) {
            if *inside {
                glyph.c = '"';
            }
        }
    }
}

/// A letter or digit of a word. Asking the Unicode tables for every ideograph is slow; most need not be asked.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || is_east_asian(c) || (!c.is_ascii() && c.is_alphanumeric())
}

/// Hangul, kana, Han.
pub(super) fn is_east_asian(c: char) -> bool {
    matches!(c, 'ぁ'..='ヿ' | '가'..='힣' | '一'..='鿿' | '々')
}

/// What a token is, if it is not a word: address, path, identifier.
fn shape(word: &str) -> Option<char> {
    if word.starts_with("http://") || word.starts_with("https://") {
        return Some(LINK);
    }
    let bytes = word.as_bytes();
    let letters = bytes.iter().any(u8::is_ascii_alphabetic);
    if word.len() < 3 || !letters {
        return None;
    }
    let slashes = word.matches('/').count();
    let (stem, extension) = word.rsplit_once('.').unwrap_or((word, ""));
    let file = !stem.is_empty() && (1..=5).contains(&extension.len()) && is_source(extension);
    let rooted = word.starts_with("./")
        || word.starts_with("../")
        || word.starts_with("~/")
        || (word.starts_with('@') && slashes > 0);
    if file || rooted || (slashes > 1 && !word.starts_with('/')) || (slashes > 2) {
        return Some(PATH);
    }
    let call = word.ends_with("()") || (word.contains('(') && word.contains(')'));
    let snake = bytes
        .windows(3)
        .any(|three| matches!(three, [a, b'_', b] if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric()));
    (slashes == 0 && (call || snake)).then_some(IDENT)
}

/// File name endings that mean a file and not a product (`Node.js` and `spec.md` stay words).
fn is_source(extension: &str) -> bool {
    const SOURCE: [&str; 34] = [
        "py", "ts", "tsx", "jsx", "rs", "go", "java", "kt", "rb", "php", "c", "h", "cpp", "cs", "swift", "vue", "css",
        "scss", "html", "json", "yaml", "yml", "toml", "sql", "sh", "lock", "env", "log", "txt", "csv", "xml", "ini",
        "mjs", "ipynb",
    ];
    SOURCE.iter().any(|source| extension.eq_ignore_ascii_case(source))
}

/// Full width to ASCII, half-width kana to full width, typographic marks to plain ones.
fn narrow(c: char) -> char {
    const KANA: &str = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u{3099}\u{309A}";
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '\u{FF66}'..='\u{FF9F}' => KANA.chars().nth((u32::from(c) - 0xFF66) as usize).unwrap_or(c),
        '\u{FF61}' => '。',
        '\u{FF62}' => '「',
        '\u{FF63}' => '」',
        '\u{FF64}' => '、',
        '\u{3000}' | '\u{A0}' | '\u{2002}'..='\u{200A}' | '\u{202F}' => ' ',
        '‘' | '’' | '‛' | '′' => '\'',
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => '-',
        '…' => '.',
        _ => c,
    }
}

/// Composes what NFD took apart: Hangul syllables, and kana with their voicing marks.
fn compose(base: char, mark: char) -> Option<char> {
    let (b, m) = (u32::from(base), u32::from(mark));
    match (base, mark) {
        ('\u{1100}'..='\u{1112}', '\u{1161}'..='\u{1175}') => {
            char::from_u32(0xAC00 + ((b - 0x1100) * 21 + (m - 0x1161)) * 28)
        }
        ('가'..='힣', '\u{11A8}'..='\u{11C2}') if (b - 0xAC00).is_multiple_of(28) => char::from_u32(b + m - 0x11A7),
        ('う', '\u{3099}') => Some('ゔ'),
        ('ウ', '\u{3099}') => Some('ヴ'),
        ('か'..='ぽ' | 'カ'..='ポ', '\u{3099}') => char::from_u32(b + 1),
        ('は'..='ほ' | 'ハ'..='ホ', '\u{309A}') => char::from_u32(b + 2),
        _ => None,
    }
}

/// Traditional characters, each followed by its simplified form: those that the lexicon's words need.
const TRADITIONAL: &str = "設设計计劃划規规實实現现構构築筑優优開开發发測测試试編编寫写碼码錯错誤误問问題题決决選选擇择較较評评議议討讨論论 \
    檔档資资庫库務务遷迁個个這这們们麼么樣样該该應应為为與与還还幫帮請请給给讓让將将對对從从說说釋释譯译總总結结續续 \
    創创產产動动態态線线頁页網网絡络連连戶户賬账帳账號号單单據据種种類类組组織织參参數数變变換换錄录處处斷断級级權权 \
    證证認认訊讯項项標标準准執执啟启關关閉闭減减復复複复雜杂簡简圖图畫画塊块層层條条則则環环報报錶表傳传輸输補补強强 \
    擴扩體体驗验後后臺台階阶確确調调觀观點点備备鏈链術术業业誰谁記记憶忆載载遊游戲戏詩诗詞词語语郵邮書书歲岁幾几錢钱 \
    買买賣卖價价費费長长遠远時时間间佈布圍围範范險险難难質质貓猫電电腦脑機机鍵键輕轻鬆松練练習习學学閱阅讀读檢检審审 \
    視视詢询診诊療疗嗎吗嘗尝煩烦風风場场漲涨約约訂订購购貨货運运達达邊边區区導导師师歸归當当筆笔劇剧團团員员責责須须 \
    領领顧顾願愿歡欢夠够無无極极樓楼樂乐樹树歷历氣气沒没滿满潛潜瀏浏覽览燈灯爭争爾尔狀状獨独獲获瑣琐異异盡尽監监眾众 \
    礎础禮礼稱称穩稳競竞篩筛節节簽签紅红純纯細细終终統统經经維维緊紧縮缩繼继聯联腳脚膠胶臨临舉举舊旧藝艺藥药裝装裡里 \
    製制訪访註注誌志譽誉讚赞負负貢贡財财販贩貴贵賦赋趨趋跡迹軟软軸轴輔辅輪轮轉转辦办農农遞递遲迟鄰邻釘钉針针鈕钮銀银 \
    銷销鋪铺鎖锁鏡镜鐘钟門门闡阐隊队際际隨随離离雲云靜静響响順顺預预頻频額额顯显飛飞餘余馬马驅驱鬥斗魚鱼鳥鸟麵面黃黄 \
    齊齐";

/// The simplified form of a traditional character.
fn simplified(c: char) -> char {
    static TABLE: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
        let mut chars = TRADITIONAL.chars().filter(|c| !c.is_whitespace());
        std::iter::from_fn(|| Some((chars.next()?, chars.next()?))).collect()
    });
    if matches!(c, '一'..='鿿') { TABLE.get(&c).copied().unwrap_or(c) } else { c }
}

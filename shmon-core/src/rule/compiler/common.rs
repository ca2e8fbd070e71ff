//! Which texts of four bytes are common in commands: a text is looked for by one of its others.

/// Four bytes each, in order: those that more than one in a hundred of the one-line commands of tldr pages and of
/// collected one-liners hold.
const COMMON: &str = concat!(
    " \"*. '*. --a --c --d --f --h --n --p --r --s --t -0  -a  -c  -d  -e  -ex -f  -i  -in -l  -mt -n ",
    " -na -o  -p  -pr -r  -s  -t  -ty -u  -v  . - / - /de /pa /tm 10  ali awk d - ech f - fil foo gre htt",
    " lis ls  myp nam pat rm  sed ser sor sta xar {}  | a | c | g | s | t | x\" | ' | --re-exe-fil-mti",
    "-nam-pri-typ. -n. -t.com.exa.txt.zip/bin/dev/dir/fil/hom/inp/out/pat/tmp/to/0 | 1 --1.ex3cre; ec_dir",
    "_filablead -alicall alueame ame1amplarchargsate ath/awk aws bin/cat cho com/commconfcretctl ctorcut ",
    "d --d -nd . d / datadatedeledeptdev/dir diree \"*e '*e --e d e f e nae pae.coe.txe1 -ead echoectl",
    "ectoed -eletemctenamep -epther -er1.erveet -etvaev/sexamexecfilefindfoo git grepgs -h/tohelpho \"",
    "ho $homehosthttpicesile ile.imagime ind inpuinstint int0intfion ireckubel --le -le.cle.tletelicelist",
    "ls -magemctlme \"me 'me -me1 mod mplemtimmycmmypkn --namend -nd .nd /nfignpm nputnstant0 o/dio/fi",
    "o/ino/ouome/onfiopenort ory ountourcoutpp --pathpe dpe fple.portprinps:/pth put-put.r --r1.ereadrect",
    "remorep retvrgs rintrm -rootrt -rvers --s -0s3crs://scrised servset sh -sionsortsourstalstarstatstem",
    "sudosystt --t pat | t-fit0 |tallte -temctestth/ttimetiontmp/to/dto/fto/ito/otorytps:tputttpstvaltxt ",
    "typeudo urceuserut -ut-futpuv/sdvaluver1wk 'xampxargxec ycmdype ypkgystezip {} \\| aw| gr| so| xa",
    "} \\;",
);

/// Whether many commands hold the text, letters in any case.
pub(super) fn is_common(four: &[u8]) -> bool {
    COMMON
        .as_bytes()
        .as_chunks::<4>()
        .0
        .binary_search_by(|common| common.as_slice().cmp(&four.to_ascii_lowercase()))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_commands_hold() {
        assert!(is_common(b"Find") && is_common(b" -na") && !is_common(b"zzzz"));
        let (texts, rest) = COMMON.as_bytes().as_chunks::<4>();
        assert!(rest.is_empty());
        assert!(texts.is_sorted_by(|a, b| a < b), "in order, each once");
    }
}

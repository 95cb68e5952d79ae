//! Nicknames, Portuguese and English, and the names that they stand for.

/// Folded; a nickname of several names stands for the most frequent one.
const NICKNAMES: [(&str, &[&str]); 62] = [
    ("alexander", &["alex", "alec", "xander", "sasha"]),
    ("alexandra", &["alexa", "lexi", "xanda"]),
    ("alexandre", &["xande", "ale"]),
    ("andrew", &["andy", "drew"]),
    ("anthony", &["tony"]),
    ("antonio", &["toninho", "tonho", "tonico"]),
    ("augusto", &["guto"]),
    ("barbara", &["babs", "barb"]),
    ("beatriz", &["bia"]),
    ("benjamin", &["ben", "benny", "benji"]),
    ("carlos", &["caca", "carlinhos", "carlao"]),
    ("catarina", &["cata", "catia"]),
    ("catherine", &["cathy", "kathy", "katherine", "kathryn", "catharine", "kate", "katie", "kat"]),
    ("charles", &["charlie", "chuck", "chas"]),
    ("christopher", &["chris", "topher", "kit"]),
    ("daniel", &["dan", "danny", "dani"]),
    ("david", &["dave", "davey"]),
    ("deborah", &["debbie", "deb", "debra"]),
    ("edward", &["ed", "eddie", "ted", "teddy", "ned"]),
    ("eduardo", &["edu", "dudu", "duda"]),
    ("elizabeth", &["liz", "lizzie", "beth", "betty", "eliza", "libby", "elisabeth", "betsy"]),
    ("fernanda", &["nanda", "fefe"]),
    ("fernando", &["nando"]),
    ("francisco", &["chico", "paco", "kiko", "fran"]),
    ("frederick", &["fred", "freddy", "frederic"]),
    ("gabriel", &["gabi", "biel", "gabe"]),
    ("gregory", &["greg"]),
    ("guilherme", &["gui", "guga"]),
    ("gustavo", &["gus"]),
    ("henrique", &["rique", "kike"]),
    ("henry", &["harry", "hank"]),
    ("isabella", &["bella", "isa", "izzy", "isabela"]),
    ("jacob", &["jake", "jakob"]),
    ("james", &["jim", "jimmy", "jamie"]),
    ("jennifer", &["jen", "jenny", "jenn"]),
    ("joao", &["joaozinho", "janjao"]),
    ("john", &["johnny", "jack", "jon", "johnnie"]),
    ("jonathan", &["johnathan", "jonathon", "jonny"]),
    ("jose", &["ze", "zezinho", "zeca", "pepe"]),
    ("joseph", &["joe", "joey", "jos"]),
    ("kenneth", &["ken", "kenny"]),
    ("leonardo", &["leo"]),
    ("luiz", &["luis", "lulu", "luizinho"]),
    ("manuel", &["manoel", "mane", "manny"]),
    ("margaret", &["maggie", "peggy", "meg", "marge", "greta"]),
    ("matthew", &["matt", "mathew"]),
    ("michael", &["mike", "mick", "mickey", "micheal"]),
    ("nicholas", &["nick", "nicky", "nicolas"]),
    ("patricia", &["pat", "patty", "trish", "paty"]),
    ("pedro", &["pedrinho"]),
    ("rafael", &["rafa", "raphael"]),
    ("rebecca", &["becky", "becca", "rebekah"]),
    ("richard", &["rick", "dick", "rich", "richie", "ricky"]),
    ("robert", &["bob", "bobby", "rob", "robbie", "bert"]),
    ("roberto", &["beto", "betinho"]),
    ("samuel", &["sam", "sammy", "samu"]),
    ("stephen", &["steve", "steven", "steph"]),
    ("susan", &["sue", "susie", "suzanne", "suzy"]),
    ("theodore", &["theo"]),
    ("thomas", &["tom", "tommy", "thom", "tomas"]),
    ("timothy", &["tim", "timmy"]),
    ("william", &["bill", "billy", "will", "willy", "liam", "willie"]),
];

/// The name that a folded nickname stands for; any other word is itself.
pub(super) fn full(word: &str) -> &str {
    if word.len() > 10 {
        return word;
    }
    let found = NICKNAMES.iter().find(|(_, nicknames)| nicknames.contains(&word));
    found.map_or(word, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nicknames_stand_for_names_that_are_none() {
        assert_eq!((full("bia"), full("bill"), full("zoe")), ("beatriz", "william", "zoe"));
        for (name, nicknames) in NICKNAMES {
            assert_eq!(full(name), name);
            assert!(nicknames.iter().all(|nickname| full(nickname) == name), "{name}");
        }
    }
}

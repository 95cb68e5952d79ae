//! The words by which texts are judged, in English, Portuguese and Spanish, and how they are matched.
//!
//! A line is a pattern: words in order, folded. `a|b` is either, `a*` begins with, `_` is up to two words of any kind,
//! `<name>` is one word of a group.

use super::Category;

/// People who are hated for what they are; plural, since it is not about one of them.
const GROUP: &str = "immigrant*|migrants|refugees|jew|jews|muslim*|blacks|negroes|gays|gay|lesbians|homosexuals|trans|arabs|asians|\
    mexicans|gypsies|women|christians|disabled|imigrante*|refugiado*|judeu*|judia*|muculman*|negros|negras|pretos|pretas|\
    homossexuais|lesbicas|travestis|arabes|ciganos|mulheres|nordestinos|evangelicos|inmigrante*|judios|musulman*|moros|\
    gitanos|mujeres|homosexuales|lesbianas|indigenas|indios|latinos";

/// Somebody.
const WHOM: &str = "you|him|her|them|everyone|everybody|someone|somebody|people";

/// What is said of one who is insulted.
const INSULT: &str = "idiot*|moron*|imbecil*|loser|bitch|asshole|bastard|scumbag|dumbass|cunt|pathetic|worthless|burro|burra|\
    otari*|babaca|inutil|verme|lixo|vagabund*|canalha|desgracad*|gilipollas|cabron*|estupid*|tont*|basura|escoria|zorra|pendej*|\
    retard*|trash|stupid|cretin*|palhac*|trouxa|mierda|merda";

/// The patterns of each category, with the score of one match.
pub(super) const ALL: &[(Category, f32, &str)] = &[
    (Category::Hate, 0.9, "
        i hate <group>
        i hate all <group>
        hate all <group>
        odeio <group>
        odeio _ <group>
        eu odeio <group>
        odio a <group>
        odio a los|las <group>
        odio <group>
        death to <group>
        kill all <group>
        gas the <group>
        gas them
        morte aos|as|a <group>
        muerte a los|las <group>
        morte _ <group>
        exterminate _ <group>
        <group> _ vermin|parasite*|subhuman|inferior|disgusting|filth*|rats|cockroach*|plague|animals|savages|scum|garbage
        <group> sao _ praga|ratos|parasita*|nojent*|lixo|inferior*|animais|vermes|sujos|bandidos|imund*
        <group> son _ plaga|ratas|parasito*|asqueros*|basura|inferior*|animales|escoria|sucios|mierda
        filthy|dirty|fucking|damn <group>
        filthy|dirty _ <group>
        <group> deserve|deserves to die
        <group> merecem|deviam|devem morrer|sumir|desaparecer
        <group> _ should be _ wiped|killed|exterminated|gassed|deported|shot
        <group> asqueros*|nojent*|imund*|sujo*|fedid*|asquerosos
        white power
        heil hitler
        poder blanco
        poder branco
        go back to your country
        vuelve a tu pais
        volta pra|para sua|tua|o terra|pais|senzala|africa
        volta pra senzala
        nigger*
        faggot*
        kike*
        sudaca*
        maricon*
        preto|preta|negro|negra fedid*|imund*|sujo|nojent*
        nordestino|nordestina imund*|burr*|fedid*
        viado|bicha nojent*|imund*
        exterminar|exterminarlos _ <group>
        hay que exterminar*
        no merecen vivir
        nao merecem viver
    "),
    (Category::Harassment, 0.85, "
        you are|re _ <insult>
        you are|re such _ <insult>
        you <insult>
        you fucking|stupid|dumb|useless|ugly|worthless|pathetic <insult>|cow|pig|person|woman|man
        you _ piece of shit|crap|garbage
        fuck you
        fuck off
        fuck yourself
        screw you
        go fuck
        go to hell
        shut up _ <insult>
        shut the fuck up
        nobody likes you
        everyone hates you
        everybody hates you
        make your life hell
        make your life a|miserable
        watch your back
        i know where you live
        you will regret|pay this|for
        seu|sua|teu|tua <insult>
        voce|vc e|eh um|uma|muito <insult>
        voce|vc e|eh <insult>
        vai tomar no cu
        vai|va|vao se foder|fuder|ferrar
        vai a|pra|para merda|puta|inferno
        filho|filha da puta
        filhos da puta
        cala|cale a|essa boca
        sei onde voce|vc mora
        ninguem gosta de voce
        todo mundo te odeia
        vou acabar com voce
        vou infernizar
        eres un|una|tan|muy <insult>
        eres <insult>
        hijo|hija de puta
        hijos de puta
        vete|vayase a la mierda
        que te jodan|den
        jodete
        callate _ <insult>
        puto|puta <insult>
        nadie te quiere
        todos te odian
        se|sabemos donde vives
        vas a pagar*
        te vas a arrepentir
        <insult> de mierda|merda
    "),
    (Category::SelfHarm, 0.9, "
        kill|killing|hurt|hurting|cut|cutting|harm|harming|hang myself
        end it all
        end my life
        ending my life
        take|taking my own life
        want|wanna to die
        wanna die
        want to be dead
        don t want to live|exist|be
        do not want to live|exist
        no reason to live
        wish i was|were dead
        wish i wasn t alive|here
        commit suicide
        i m|am suicidal
        i feel suicidal
        better off without me
        better off dead
        overdose and die
        pills to die|overdose|kill
        quero|vou|queria|pensando em|penso em me matar
        me matar
        nao quero|aguento mais viver
        nao quero mais existir|estar
        acabar com a minha vida
        tirar a minha|propria propria|vida
        tirar minha vida
        queria estar|ter mort*|morrido
        quero|queria morrer
        penso|pensando|pensei em suicidio
        pensar em suicidio
        me suicidar
        suicidar me
        eu me corto
        me corto _ noites|dias|bracos|brazos|piernas
        me machuco de proposito
        melhor sem mim
        suicidarme
        matarme
        quitarme la vida
        quiero|quisiera morir*
        ya no quiero vivir
        no quiero vivir|seguir
        no quiero seguir viviendo
        ojala estuviera|estuviese muert*
        cortarme los|las brazos|venas
        acabar con mi vida
        me quiero morir|matar
        mejor sin mi
    "),
    (Category::Sexual, 0.85, "
        nude|naked|sexy pics|picture*|photo*|selfie*
        send|sending _ nudes
        send me nudes
        have|having sex with
        want sex
        show me your _ tits|boobs|pussy|dick|cock|ass|body
        your tits|boobs|pussy|cock
        free porn*
        porn*|pornhub
        hardcore xxx
        blowjob*
        handjob*
        horny
        suck my dick|cock
        suck _ dick|cock
        lick _ pussy|cock|balls
        want to|wanna fuck you|her|him
        fuck you|her|him all|hard|tonight
        threesome
        gangbang
        masturbat*
        cum on|in|inside
        manda|mande|envia|me nudes
        manda _ nudes
        transar com|contigo
        quero|vou transar
        fotos nua|pelada|pelado|nu|desnuda|desnudo
        foto _ pelada|pelado|desnuda|desnudo
        mostra|mostre os|teus|seus|a peitos|peitinhos|bunda|buceta
        tesao
        chupa|chupar|chupe _ pau|rola|buceta|polla|verga|pija
        quero te comer
        te comer tod*|gostos*
        gozar na|dentro
        tener sexo con|contigo
        sexo contigo|oral|anal
        fazer sexo com|contigo
        ensename|muestrame las|tus|el tetas|culo|pechos
        las tetas
        tus tetas
        cachond*
        follarte|cogerte|follar contigo|duro
        follarte
        quiero follar*|coger*
        buceta|xoxota|boquete|punheta
        mamada|paja|orgasmo*
        safada|gostosa _ quero|vem
    "),
    (Category::Violence, 0.9, "
        will|ll|gonna|shall kill|murder|stab|shoot|strangle|behead|butcher <whom>
        going|want|plan to kill|murder|stab|shoot|strangle|behead <whom>|my|your|his|the
        will|ll|gonna kill|murder|stab|shoot my|your|his|their boss|wife|husband|family|kids|children|mother|father
        i|we kill you
        burn|blow|blowing|burning your|his|her|their|the house|home|car|office|building down|up
        beat|beating you|him|her|them to death
        beat you up
        break|breaking your|his|her legs|neck|arms|bones|face
        make|build|making|building _ bomb|explosive*
        pipe bomb
        bring|bringing|brought a|my gun|knife|rifle|bomb to
        shoot|shooting up the|your|his
        put a bullet in
        slit|cut your|his|her throat
        be tortured|beheaded|hanged|stabbed|slaughtered
        deserve|deserves to _ tortured|beheaded|beaten|killed
        you re|are dead meat
        vou|vamos|vai|quero te|lhe matar|esfaquear|espancar|estrangular
        vou|vamos|quero matar voce|vc|ele|ela|eles|todos|todo|meu|minha
        quebrar|quebro|arrebentar|rebentar a|as|o|os tua|sua|teu|seu|tuas|suas cara|pernas|bracos|pescoco|dentes
        botar|colocar|tacar|por fogo na|no|em sua|tua|seu|casa
        fazer|fabricar|montar _ bomba
        bomba caseira|casera
        dar um|uns tiro|tiros em|na|no
        meter bala|uma em|na
        merece|merecem apanhar|ser|morrer ate|torturado|espancado|morto
        merece morrer
        te|lo|la|los|os voy|vamos|vou a matar|apunalar|degollar|romper|golpear|disparar
        voy|vamos a matar|apunalar|degollar|asesinar a|al
        voy|vamos a quemar|incendiar tu|su|la casa|coche|oficina|familia
        voy|vamos a matarte|matarlo|matarla|matarlos|dispararle*|apunalarte|apunalarlo
        romper|romperte|partirte|partir la|las|los|tu cara|piernas|huesos|dientes
        hacer|fabricar|armar una|bombas bomba|caseras
        pegarte|pegarle un tiro
        merece|merecen morir|ser torturado*
    "),
];

/// Words of texts that tell of something: news, medicine, law, rules, teaching.
pub(super) const TELLING: &[&str] = &[
    "prevention",
    "prevencao",
    "prevencion",
    "helpline",
    "hotline",
    "police",
    "policia",
    "court",
    "tribunal",
    "juez",
    "juiz",
    "judge",
    "sentenced",
    "condenado",
    "condenada",
    "sentencia",
    "policy",
    "politica",
    "training",
    "treinamento",
    "capacitacion",
    "insurance",
    "seguro",
    "clause",
    "clausula",
    "clinic",
    "clinica",
    "hospital",
    "patient*",
    "paciente*",
    "diagnos*",
    "suspect",
    "suspeito",
    "sospechoso",
    "lawyer",
    "advogado",
    "abogado",
    "charged",
    "victim*",
    "vitima*",
    "novel",
    "romance",
    "novela",
    "movie",
    "filme",
    "pelicula",
    "education",
    "educacao",
    "educacion",
    "report",
    "according",
    "segundo",
    "segun",
    "informou",
    "informo",
    "confirmo",
];

/// One place in a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Any of these words; a star at the end stands for what follows.
    Any(Vec<&'static str>),
    /// Up to two words of any kind.
    Gap,
}

/// The most words that a gap spans.
const WIDEST: usize = 2;

impl Part {
    /// Whether a word is `known`, or begins with it before its star.
    pub(super) fn fits_word(known: &str, word: &str) -> bool {
        match known.strip_suffix('*') {
            Some(stem) => word.starts_with(stem),
            None => known == word,
        }
    }

    /// With which bytes words begin that fit.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = [u8; 2]> {
        let words = match self {
            Self::Any(words) => words.as_slice(),
            Self::Gap => &[],
        };
        words.iter().filter_map(|word| beginning(word.trim_end_matches('*')))
    }
}

/// The first two bytes of a word; words of one letter have a zero.
pub(super) fn beginning(word: &str) -> Option<[u8; 2]> {
    let bytes = word.as_bytes();
    Some([*bytes.first()?, bytes.get(1).copied().unwrap_or_default()])
}

/// Reads a line.
pub(super) fn parse(line: &'static str) -> Vec<Part> {
    let any = |word: &'static str| -> Vec<&'static str> {
        word.split('|')
            .flat_map(|word| match word {
                "<group>" => GROUP.split('|').map(str::trim).collect(),
                "<whom>" => WHOM.split('|').map(str::trim).collect(),
                "<insult>" => INSULT.split('|').map(str::trim).collect::<Vec<_>>(),
                word => vec![word],
            })
            .collect()
    };
    line.split_whitespace()
        .map(|word| if word == "_" { Part::Gap } else { Part::Any(any(word)) })
        .collect()
}

/// How many of `words`, from the first on, a pattern takes up.
pub(super) fn fits<W>(parts: &[Part], words: &[W], folded: fn(&W) -> &str) -> Option<usize> {
    let Some((part, rest)) = parts.split_first() else { return Some(0) };
    match part {
        Part::Any(known) => {
            let word = folded(words.first()?);
            let fits_one = known.iter().any(|known| Part::fits_word(known, word));
            fits_one.then(|| fits(rest, &words[1..], folded)).flatten().map(|count| count + 1)
        }
        Part::Gap => (0..=WIDEST.min(words.len()))
            .find_map(|skipped| fits(rest, &words[skipped..], folded).map(|count| count + skipped)),
    }
}

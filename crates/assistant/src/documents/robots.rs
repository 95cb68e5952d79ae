//! `robots.txt`: whether a site wishes its pages to be read by programs (RFC 9309).

/// What we are called there.
const NAME: &str = "kith";
/// Rules that are looked at.
const MOST: usize = 2_000;

/// Whether a path may be read.
pub(super) fn allows(robots: &str, path: &str) -> bool {
    let groups = groups(robots);
    let own: Vec<&Group> =
        groups.iter().filter(|group| group.agents.iter().any(|agent| agent == NAME)).collect();
    let meant: Vec<&Group> = if own.is_empty() {
        groups.iter().filter(|group| group.agents.iter().any(|agent| agent == "*")).collect()
    } else {
        own
    };
    let rules = meant.iter().flat_map(|group| &group.rules);
    let fitting = rules.filter(|(pattern, _)| fits(pattern, path));
    // The longest rule counts; of two that are as long, the one that allows.
    let last = fitting.max_by_key(|(pattern, allowed)| (pattern.len(), *allowed));
    last.is_none_or(|(_, allowed)| *allowed)
}

#[derive(Default)]
struct Group {
    agents: Vec<String>,
    rules: Vec<(String, bool)>,
}

fn groups(robots: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut in_rules = true;
    for line in robots.lines().take(MOST) {
        let line = line.split('#').next().unwrap_or_default();
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key.trim().trim_start_matches('\u{feff}').to_ascii_lowercase().as_str() {
            "user-agent" => {
                if in_rules {
                    groups.push(Group::default());
                    in_rules = false;
                }
                let name = value.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
                if let Some(group) = groups.last_mut() {
                    group.agents.push(name);
                }
            }
            key @ ("allow" | "disallow") => {
                in_rules = true;
                if let Some(group) = groups.last_mut().filter(|_| !value.is_empty()) {
                    group.rules.push((value.to_owned(), key == "allow"));
                }
            }
            _ => {}
        }
    }
    groups
}

/// Whether a path begins with a pattern, in which `*` stands for anything and `$` for the end.
fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, to_end) = pattern.strip_suffix('$').map_or((pattern, false), |left| (left, true));
    let mut parts = pattern.split('*');
    let Some(mut left) = path.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (at, part) in parts.iter().enumerate() {
        let is_last = at + 1 == parts.len();
        if is_last && to_end {
            return left.ends_with(part);
        }
        let Some(found) = left.find(part) else { return false };
        left = &left[found + part.len()..];
    }
    !to_end || left.is_empty() || pattern.ends_with('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_rule_of_the_group_that_is_meant_counts() {
        let robots = "User-agent: *\nDisallow: /\n\nUser-agent: other\nUser-agent: Kith/1.0\nDisallow: /private # no\n\
            Allow: /private/open\nDisallow: /*.pdf$\nDisallow:\n";
        for (path, allowed) in [
            ("/", true),
            ("/private", false),
            ("/private/x", false),
            ("/private/open/x", true),
            ("/a.pdf", false),
            ("/a.pdf?x", true),
        ] {
            assert_eq!(allows(robots, path), allowed, "{path}");
        }
        assert!(!allows("User-agent: *\nDisallow: /", "/x"));
        assert!(allows("", "/x") && allows("nonsense", "/x"));
        assert!(allows("User-agent: *\nDisallow: /a\nAllow: /a", "/a"));
    }
}

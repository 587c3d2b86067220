//! The kinds of diagnostics: one list of the codes, and what there is to know of each.

use std::fmt;

/// What there is to know of a [`Code`]: its section of `docs/diagnostics.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What is wrong.
    pub what: &'static str,
    /// Why the module reports it.
    pub why: &'static str,
    /// What to write instead.
    pub fix: &'static str,
    /// The filter that `example` is for.
    pub filter: &'static str,
    /// A configuration, in YAML, that causes this code and no other.
    pub example: &'static str,
}

/// [`Code`] and what there is to know of each, written once.
macro_rules! codes {
    ($(
        $(#[doc = $what:literal])+
        $name:ident = $code:literal {
            why: $why:literal,
            fix: $fix:literal,
            filter: $filter:literal,
            example: $example:literal,
        }
    )+) => {
        /// The kind of a [`crate::Diagnostic`]. Codes are never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $what])+ $name,)+
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Code] = &[$(Code::$name),+];

            /// The code as users see it: `RF001` and so on.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $code,)+
                }
            }

            /// What there is to know of it.
            pub fn explanation(self) -> Explanation {
                match self {
                    $(Code::$name => Explanation {
                        what: concat!($($what),+).trim_ascii(),
                        why: $why,
                        fix: $fix,
                        filter: $filter,
                        example: $example,
                    },)+
                }
            }
        }
    };
}

codes! {
    /// The text is empty, is not UTF-8, or is not JSON.
    Syntax = "RF001" {
        why: "Envoy hands the module the text of a `StringValue` as it is, and the module reads JSON only.",
        fix: "Give Envoy a `google.protobuf.Struct`, in which YAML is fine, or write the text as JSON.",
        filter: "rustformation",
        example: r#"
"@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter
dynamic_module_config: {name: rust_module, do_not_close: true}
filter_name: rustformation
filter_config:
  "@type": type.googleapis.com/google.protobuf.StringValue
  value: "request: {remove: [x-secret]}"
"#,
    }
    /// A value has the wrong type, a required key is missing, or a key occurs twice.
    Schema = "RF002" {
        why: "A value of another type than the key's cannot be read, and of two equal keys only one would count.",
        fix: "Write what the message expects at the path that it names. docs/configuration.md has the type of each key.",
        filter: "rustformation",
        example: r#"
request:
  set: {name: x-user, value: alice}   # a list is expected
"#,
    }
    /// The module does not know a key.
    UnknownKey = "RF003" {
        why: "The module ignores such a key, so that a control plane may be newer than the module. A misspelt key is ignored too. `rustformations check` counts it as an error.",
        fix: "Correct the spelling, move the key to its place, or remove it.",
        filter: "rustformation",
        example: r#"
request:
  remove: [x-secret]
  removes: [x-token]
"#,
    }
    /// A template does not parse.
    Template = "RF004" {
        why: "The template cannot be rendered for any message.",
        fix: "Close each `{{` with `}}`, each `{%` with `%}` and each quote. Line and column count from the template's start.",
        filter: "rustformation",
        example: r#"
request:
  set: [{name: x-user, value: "{{ header('x-name') "}]
"#,
    }
    /// A template names a filter, test, function, field or variable that does not exist.
    UnknownName = "RF005" {
        why: "Such a template fails for each message. For kgateway's sake most of these are warnings.",
        fix: "Write a name of docs/functions.md, the name of a field of `extract`, or a member of the body with `parseAs: AsJson`.",
        filter: "rustformation",
        example: r#"
request:
  set: [{name: x-user, value: "{{ header('x-name') | uper }}"}]
"#,
    }
    /// HTTP does not allow the name of a header, or a configuration may not use it.
    HeaderName = "RF006" {
        why: "Envoy or the next server would refuse the message. Some headers frame the message, and only Envoy sets those.",
        fix: "Use letters, digits and `-` in the name of a header, and leave the framing to Envoy.",
        filter: "rustformation",
        example: r#"
request:
  remove: [x secret]
"#,
    }
    /// A place in a JSON body is not a JSON Pointer (RFC 6901) or a JSONPath (RFC 9535) that the module follows.
    Pointer = "RF007" {
        why: "The place leads nowhere, or to another member than its author expects.",
        fix: "Begin a pointer with `/`, and write one `/` before each name or index: `/messages/0/role`.",
        filter: "rustformation",
        example: r#"
request:
  extract: [{from: [{json: messages/0/role}], header: x-role}]
"#,
    }
    /// Settings contradict each other, or have no effect.
    Conflict = "RF008" {
        why: "The module cannot do both, or does less than the configuration looks like.",
        fix: "Remove one of the two, or do what the message recommends.",
        filter: "rustformation",
        example: r#"
request:
  set: [{name: x-path, value: "{{ header(':path') }}", cel: request.path}]
"#,
    }
    /// A number is out of its range, or there is too much of something.
    Range = "RF009" {
        why: "Bounds keep a configuration from costing more time or memory than a proxy has.",
        fix: "Stay within the range that the message names. docs/configuration.md lists every limit.",
        filter: "rustformation",
        example: r#"
request: {remove: [x-secret]}
limits: {jsonDepth: 200}
"#,
    }
    /// A text is not an IP address or prefix.
    Prefix = "RF010" {
        why: "The rule would match no address, or other addresses than its author expects.",
        fix: "Write an address, or a prefix without bits set beyond its length: `10.0.0.0/8`.",
        filter: "http-acl",
        example: r#"
defaultAction: deny
rules: [{cidrs: [10.0.0.1/8], action: allow}]
"#,
    }
    /// HTTP does not allow the value of a header.
    HeaderValue = "RF011" {
        why: "A line break in a value would begin another header, or another message.",
        fix: "Remove line breaks, other control characters, and the spaces around the value.",
        filter: "http-acl",
        example: r#"
defaultAction: deny
denyResponse: {headers: [{name: x-reason, value: "not\nhere"}]}
"#,
    }
    /// An expression does not parse, or names what does not exist.
    Expression = "RF012" {
        why: "The expression could not be evaluated for any message.",
        fix: "Write CEL with the names of docs/cel.md and the functions of docs/functions.md.",
        filter: "rustformation",
        example: r#"
request:
  when: request.metod == 'POST'
  remove: [x-secret]
"#,
    }
    /// No path can match a path template, or the template is ambiguous.
    Path = "RF013" {
        why: "The source would never yield a value, or not the one that its author expects.",
        fix: "Begin the template with `/`, and write each name in braces once: `/model/{model}/invoke`.",
        filter: "rustformation",
        example: r#"
request:
  extract: [{name: model, from: [{path: "model/{model}/invoke"}], header: x-model}]
"#,
    }
    /// A response is held until it ends, an event stream too.
    HeldAnswer = "RF014" {
        why: "The client sees nothing of a stream before its end, which a reader of tokens takes for a hang.",
        fix: "Use `patch`, which edits event by event, or exclude event streams with `when`. `bodyMode: buffered` confirms that all are to be held.",
        filter: "rustformation",
        example: r#"
response:
  body: {parseAs: AsJson}
  set: [{name: x-model, value: "{{ model }}"}]
"#,
    }
    /// Something has no effect, or another one, in a cluster's chain of filters, or only works there.
    Cluster = "RF015" {
        why: "In a cluster the route is chosen already, each attempt passes the filter, and a route's configuration reaches all filters of its name.",
        fix: "Move what chooses a route or rejects requests to the listener's filter, and give the two filters different names.",
        filter: "rustformation",
        example: r#"
static_resources:
  clusters:
  - name: llm
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        http_filters:
        - name: in-cluster
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter
            dynamic_module_config: {name: rust_module, do_not_close: true}
            filter_name: rustformation
            filter_config:
              "@type": type.googleapis.com/google.protobuf.Struct
              value: {request: {extract: [{header: x-model}]}}
"#,
    }
    /// A message that nothing can be decided for gets past a rule.
    FailsOpen = "RF016" {
        why: "A rule about a field says nothing of a body that cannot be read, and by default such a message goes on.",
        fix: "Set `onFailure: reject` for the pass, or `onInvalid: reject` for the field.",
        filter: "rustformation",
        example: r#"
request:
  extract: [{from: [{json: /model}]}]
  reject: [{when: "extracted.model == 'secret'"}]
"#,
    }
    /// A `body` template that fails leaves the message without a body.
    EmptiedBody = "RF017" {
        why: "kgateway's module does so, and what a redaction fails to remove must not go on.",
        fix: "Set `onFailure: continue` to keep the body then, or `onFailure: reject` to answer the message.",
        filter: "rustformation",
        example: r#"
request: {body: {value: "<{{ body() }}>"}}
"#,
    }
    /// A message is cut off, or never ends, beside another filter of the chain.
    Neighbour = "RF018" {
        why: "Some of Envoy's filters pass a message on after its end has arrived, or move its end, and Envoy does not tell a filter that holds it.",
        fix: "List the other filter on the other side of this one, or hold no body there. Envoy 1.37.1 cuts no message off any more.",
        filter: "rustformation",
        example: r#"
http_filters:
- name: envoy.filters.http.bandwidth_limit
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.bandwidth_limit.v3.BandwidthLimit
    stat_prefix: limited
    enable_mode: REQUEST
- name: rustformations
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter
    dynamic_module_config: {name: rust_module, do_not_close: true}
    filter_name: rustformation
    filter_config:
      "@type": type.googleapis.com/google.protobuf.Struct
      value: {request: {bodyMode: streamed, extract: [{header: x-model}]}}
- name: envoy.filters.http.router
  typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
"#,
    }
    /// A template prints a value into JSON as it is.
    Unescaped = "RF019" {
        why: "A quote in the value ends the text, and what follows it becomes members of the document that nobody meant.",
        fix: "Write `{{ raw_string(...) }}` around the value, edit the document with `patch` and `value` or `cel`, or have `| int` make a number of it.",
        filter: "rustformation",
        example: r#"
request: {body: {value: '{"model": "{{ header("x-model") }}"}'}, onFailure: reject}
"#,
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

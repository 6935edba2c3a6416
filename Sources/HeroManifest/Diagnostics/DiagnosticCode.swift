/// Every kind of mistake that can be found in manifests.
///
/// The raw value is the stable code of a diagnostic; the reference page of mistakes is rendered from these.
public enum DiagnosticCode: String, Hashable, Sendable, CaseIterable {
    // Reading a file.

    /// A file is larger than 1 MiB.
    case fileTooLarge = "file-too-large"
    /// A file is not UTF-8.
    case notUTF8 = "not-utf8"
    /// A control character stands where none can.
    case controlCharacter = "control-character"
    /// A file holds more than 50,000 YAML events.
    case tooManyNodes = "too-many-nodes"
    /// Lists and maps are more than 32 levels deep.
    case tooDeep = "too-deep"
    /// One text is longer than 64 KiB.
    case textTooLong = "text-too-long"
    /// A text is not YAML.
    case syntax
    /// A tab stands where YAML wants blanks.
    case tab
    /// An anchor is not allowed.
    case anchor
    /// An alias is not allowed.
    case alias
    /// A merge key is not allowed.
    case mergeKey = "merge-key"
    /// A tag is not allowed.
    case tag
    /// A map has a key twice.
    case duplicateKey = "duplicate-key"
    /// A key is no text.
    case keyNotText = "key-not-text"
    /// A file has more mistakes than are shown.
    case tooManyMistakes = "too-many-mistakes"

    // Documents and keys.

    /// A document is no map of keys and values.
    case notAMapping = "not-a-mapping"
    /// A document has no `kind`.
    case missingKind = "missing-kind"
    /// A document's `kind` is unknown.
    case unknownKind = "unknown-kind"
    /// A key is unknown, or belongs somewhere else.
    case unknownKey = "unknown-key"
    /// A key that must be there is not.
    case missingKey = "missing-key"
    /// A key has no value.
    case missingValue = "missing-value"

    // Values.

    /// A value has the wrong type.
    case wrongType = "wrong-type"
    /// A value is none of the words it can be.
    case unknownValue = "unknown-value"
    /// A text is empty where it cannot be.
    case emptyText = "empty-text"
    /// A number, size or duration is too small or too large.
    case outOfRange = "out-of-range"
    /// A name has characters that names cannot have.
    case invalidName = "invalid-name"
    /// A reference is no valid name.
    case invalidReference = "invalid-reference"
    /// A duration cannot be read.
    case invalidDuration = "invalid-duration"
    /// A size cannot be read.
    case invalidSize = "invalid-size"
    /// A umask is no octal number.
    case invalidUmask = "invalid-umask"
    /// The name of a user or a group cannot be one.
    case invalidAccount = "invalid-account"
    /// A regular expression cannot be read.
    case invalidPattern = "invalid-pattern"
    /// A cron expression cannot be read.
    case invalidCron = "invalid-cron"
    /// A time zone is unknown.
    case unknownTimeZone = "unknown-time-zone"
    /// A signal is unknown.
    case unknownSignal = "unknown-signal"
    /// A TCP address cannot be read or bound.
    case invalidAddress = "invalid-address"
    /// A URL or the path of a request cannot be read.
    case invalidURL = "invalid-url"
    /// A path cannot be used.
    case invalidPath = "invalid-path"
    /// A socket's path is longer than 107 bytes (SK-7).
    case socketPathTooLong = "socket-path-too-long"
    /// A name in `env` or `labels` is none.
    case invalidVariable = "invalid-variable"
    /// A list is empty where it cannot be.
    case emptyList = "empty-list"
    /// A list has an item twice (a warning).
    case listedTwice = "listed-twice"

    // Actions.

    /// A service has no actions.
    case noActions = "no-actions"
    /// An action has neither `exec` nor `script`.
    case noProgram = "no-program"
    /// An action has both `exec` and `script`.
    case twoPrograms = "two-programs"
    /// An `interpreter` has no `script` to run.
    case interpreterWithoutScript = "interpreter-without-script"
    /// A process has a `timeout`, which is for one-shots.
    case timeoutOfProcess = "timeout-of-process"
    /// A probe asks nothing.
    case noQuestion = "no-question"
    /// A probe asks more than one question.
    case twoQuestions = "two-questions"
    /// A key says how a probe asks that asks nothing, because the program speaks (a warning).
    case mannerOfNothing = "manner-of-nothing"
    /// A one-shot has a `ready` that waits for a word of it, which does nothing: it is up when it has ended well (a warning).
    case readyOfOneShot = "ready-of-one-shot"
    /// A schedule does not say when.
    case noRhythm = "no-rhythm"
    /// A schedule has both `cron` and `every`.
    case twoRhythms = "two-rhythms"
    /// A process has a `schedule` or `run_on`, which are for one-shots.
    case standaloneProcess = "standalone-process"
    /// A one-shot has a `health` probe, which does nothing (a warning).
    case healthOfOneShot = "health-of-one-shot"
    /// A service has two actions of one name.
    case duplicateAction = "duplicate-action"
    /// A service lists an action that runs by itself.
    case standaloneInService = "standalone-in-service"

    // Variables.

    /// `${NAME}` has no value.
    case unresolvedVariable = "unresolved-variable"
    /// Something begins with `${` and is no reference.
    case malformedVariable = "malformed-variable"
    /// A variable of the settings uses another one of them.
    case variableInVars = "variable-in-vars"
    /// A value was given with `--var` and nothing uses it (a warning).
    case unusedVariable = "unused-variable"

    // The set as a whole.

    /// A name is declared twice.
    case duplicateName = "duplicate-name"
    /// A reference names nothing that is declared (a warning in `after`, `wants` and `conflicts`).
    case unknownReference = "unknown-reference"
    /// A service refers to itself.
    case selfReference = "self-reference"
    /// Services wait for each other in a circle.
    case cycle
    /// A service requires one that never comes up (a warning).
    case requiresStopped = "requires-stopped"
    /// Two services that conflict are both wanted up.
    case conflictWanted = "conflict-wanted"
    /// A service conflicts with one that it requires.
    case conflictWithRequirement = "conflict-with-requirement"
    /// Two actions bind one TCP port.
    case portClaimedTwice = "port-claimed-twice"
    /// Two actions bind one socket.
    case socketClaimedTwice = "socket-claimed-twice"
    /// The set has more than one `kind: Settings`.
    case secondSettings = "second-settings"
    /// A required core manifest is not declared.
    case requiredCoreMissing = "required-core-missing"
    /// A required core service is not wanted up (a warning).
    case requiredNotStarted = "required-not-started"

    /// One line on what is wrong.
    public var explanation: String {
        switch self {
        case .fileTooLarge: "A file is larger than 1 MiB."
        case .notUTF8: "A file is not UTF-8."
        case .controlCharacter: "A control character stands where none can."
        case .tooManyNodes: "A file holds more than 50,000 YAML events."
        case .tooDeep: "Lists and maps are more than 32 levels deep."
        case .textTooLong: "One text is longer than 64 KiB."
        case .syntax: "A text is not YAML."
        case .tab: "A tab stands where YAML wants blanks."
        case .anchor: "An anchor is not allowed."
        case .alias: "An alias is not allowed."
        case .mergeKey: "A merge key is not allowed."
        case .tag: "A tag is not allowed."
        case .duplicateKey: "A map has a key twice."
        case .keyNotText: "A key is no text."
        case .tooManyMistakes: "A file has more mistakes than are shown."
        case .notAMapping: "A document is no map of keys and values."
        case .missingKind: "A document has no `kind`."
        case .unknownKind: "A document's `kind` is unknown."
        case .unknownKey: "A key is unknown, or belongs somewhere else."
        case .missingKey: "A key that must be there is not."
        case .missingValue: "A key has no value."
        case .wrongType: "A value has the wrong type."
        case .unknownValue: "A value is none of the words it can be."
        case .emptyText: "A text is empty where it cannot be."
        case .outOfRange: "A number, size or duration is too small or too large."
        case .invalidName: "A name has characters that names cannot have."
        case .invalidReference: "A reference is no valid name."
        case .invalidDuration: "A duration cannot be read."
        case .invalidSize: "A size cannot be read."
        case .invalidUmask: "A umask is no octal number."
        case .invalidAccount: "The name of a user or a group cannot be one."
        case .invalidPattern: "A regular expression cannot be read."
        case .invalidCron: "A cron expression cannot be read."
        case .unknownTimeZone: "A time zone is unknown."
        case .unknownSignal: "A signal is unknown."
        case .invalidAddress: "A TCP address cannot be read or bound."
        case .invalidURL: "A URL or the path of a request cannot be read."
        case .invalidPath: "A path cannot be used."
        case .socketPathTooLong: "A socket's path is longer than 107 bytes (SK-7)."
        case .invalidVariable: "A name in `env` or `labels` is none."
        case .emptyList: "A list is empty where it cannot be."
        case .listedTwice: "A list has an item twice (a warning)."
        case .noActions: "A service has no actions."
        case .noProgram: "An action has neither `exec` nor `script`."
        case .twoPrograms: "An action has both `exec` and `script`."
        case .interpreterWithoutScript: "An `interpreter` has no `script` to run."
        case .timeoutOfProcess: "A process has a `timeout`, which is for one-shots."
        case .noQuestion: "A probe asks nothing."
        case .twoQuestions: "A probe asks more than one question."
        case .mannerOfNothing:
            "A key says how a probe asks that asks nothing, because the program speaks (a warning)."
        case .readyOfOneShot:
            "A one-shot has a `ready` that waits for a word of it, which does nothing: it is up when it has ended well (a warning)."
        case .noRhythm: "A schedule does not say when."
        case .twoRhythms: "A schedule has both `cron` and `every`."
        case .standaloneProcess: "A process has a `schedule` or `run_on`, which are for one-shots."
        case .healthOfOneShot: "A one-shot has a `health` probe, which does nothing (a warning)."
        case .duplicateAction: "A service has two actions of one name."
        case .standaloneInService: "A service lists an action that runs by itself."
        case .unresolvedVariable: "`${NAME}` has no value."
        case .malformedVariable: "Something begins with `${` and is no reference."
        case .variableInVars: "A variable of the settings uses another one of them."
        case .unusedVariable: "A value was given with `--var` and nothing uses it (a warning)."
        case .duplicateName: "A name is declared twice."
        case .unknownReference:
            "A reference names nothing that is declared (a warning in `after`, `wants` and `conflicts`)."
        case .selfReference: "A service refers to itself."
        case .cycle: "Services wait for each other in a circle."
        case .requiresStopped: "A service requires one that never comes up (a warning)."
        case .conflictWanted: "Two services that conflict are both wanted up."
        case .conflictWithRequirement: "A service conflicts with one that it requires."
        case .portClaimedTwice: "Two actions bind one TCP port."
        case .socketClaimedTwice: "Two actions bind one socket."
        case .secondSettings: "The set has more than one `kind: Settings`."
        case .requiredCoreMissing: "A required core manifest is not declared."
        case .requiredNotStarted: "A required core service is not wanted up (a warning)."
        }
    }

    /// What an author may have written.
    public var example: String {
        switch self {
        case .fileTooLarge: "a log saved as `web.yaml`"
        case .notUTF8: "a file saved as UTF-16"
        case .controlCharacter: "name: \"a\\0b\""
        case .tooManyNodes: "a list of 50,000 names"
        case .tooDeep: "exec: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
        case .textTooLong: "a whole program in `script`"
        case .syntax: "exec: [sleep"
        case .tab: "a line of `env` that is indented by a tab"
        case .anchor: "env: &defaults {A: 1}"
        case .alias: "env: *defaults"
        case .mergeKey: "<<: {A: 1}"
        case .tag: "generation: !!int \"3\""
        case .duplicateKey: "{name: a, name: b}"
        case .keyNotText: "{[a]: b}"
        case .tooManyMistakes: "a hundred unknown keys"
        case .notAMapping: "- web"
        case .missingKind: "name: web"
        case .unknownKind: "kind: service"
        case .unknownKey: "require: [hero_db]"
        case .missingKey: "kind: Service without `name`"
        case .missingValue: "status:"
        case .wrongType: "required: yes"
        case .unknownValue: "status: started"
        case .emptyText: "interpreter: \"\""
        case .outOfRange: "tcp_ports: [70000]"
        case .invalidName: "name: Web Server"
        case .invalidReference: "requires: [a/b/c]"
        case .invalidDuration: "start_timeout: 30"
        case .invalidSize: "log: {max_size: 10M}"
        case .invalidUmask: "umask: 0o27"
        case .invalidAccount: "user: web:web"
        case .invalidPattern: "ready: {log: \"started (\"}"
        case .invalidCron: "schedule: {cron: \"5 4 * *\"}"
        case .unknownTimeZone: "schedule: {timezone: Europe/Bruxelles}"
        case .unknownSignal: "stop: {signal: TREM}"
        case .invalidAddress: "tcp_ports: [localhost:8080]"
        case .invalidURL: "http: https://localhost"
        case .invalidPath: "cwd: ~/web"
        case .socketPathTooLong: "a socket in a very deep folder"
        case .invalidVariable: "env: {\"A=B\": c}"
        case .emptyList: "exec: []"
        case .listedTwice: "tags: [a, a]"
        case .noActions: "actions: []"
        case .noProgram: "{name: main}"
        case .twoPrograms: "{exec: [a], script: b}"
        case .interpreterWithoutScript: "{exec: [a], interpreter: sh}"
        case .timeoutOfProcess: "{is_process: true, timeout: 1m}"
        case .noQuestion: "ready: {interval: 1s}"
        case .twoQuestions: "ready: {tcp: 80, unix: /run/a}"
        case .mannerOfNothing: "ready: {notify: true, failures: 5}"
        case .readyOfOneShot: "{exec: [seed], ready: {notify: true}}"
        case .noRhythm: "schedule: {overlap: skip}"
        case .twoRhythms: "schedule: {cron: \"0 4 * * *\", every: 1d}"
        case .standaloneProcess: "{is_process: true, run_on: apply}"
        case .healthOfOneShot: "{exec: [seed], health: {tcp: 80}}"
        case .duplicateAction: "two actions named `main`"
        case .standaloneInService: "actions: [backup] where `backup` has a `schedule`"
        case .unresolvedVariable: "exec: [server, \"${PROT}\"]"
        case .malformedVariable: "cwd: ${DATA-/srv}"
        case .variableInVars: "vars: {A: 1, B: \"${A}\"}"
        case .unusedVariable: "--var PROT=1 where manifests use `${PORT}`"
        case .duplicateName: "two services named `web`"
        case .unknownReference: "requires: [hero_bd]"
        case .selfReference: "requires: [web] in `web`"
        case .cycle: "`a` requires `b`, `b` is after `a`"
        case .requiresStopped: "requires: [db] where `db` has `status: stop`"
        case .conflictWanted: "conflicts: [blue] while both have `status: start`"
        case .conflictWithRequirement: "{requires: [db], conflicts: [db]}"
        case .portClaimedTwice: "two actions with `tcp_ports: [80]`"
        case .socketClaimedTwice: "two actions with `sockets: [/run/a.sock]`"
        case .secondSettings: "two files that begin with `kind: Settings`"
        case .requiredCoreMissing: "a set without `hero_db`"
        case .requiredNotStarted: "status: stop in `hero_db`"
        }
    }
}

/// The stable codes of the diagnostics about manifests.
///
/// The raw value is the code as users see it, and the name of the case is the code in camel case. Codes never change,
/// so some of them are not the terms of the texts. docs/reference/diagnostics.md is rendered from these cases.
public enum DiagnosticCode: String, Hashable, Sendable, CaseIterable {
    // Reading a directory.

    /// A link out of the services directory, or without a target, is not followed.
    case linkNotFollowed = "link-not-followed"
    /// An entry with the name of a manifest is not a regular file.
    case notAFile = "not-a-file"
    /// The name of a file or folder is not UTF-8.
    case nameNotUTF8 = "name-not-utf8"
    /// A folder is more than 32 levels below the services directory.
    case folderTooDeep = "folder-too-deep"
    /// Something would stop because its manifest is not read any more.
    case declarationNotRead = "declaration-not-read"

    // Reading a file.

    /// A file is larger than 1 MiB.
    case fileTooLarge = "file-too-large"
    /// A file is not UTF-8.
    case notUTF8 = "not-utf8"
    /// A file or a value contains a control character.
    case controlCharacter = "control-character"
    /// A file has more than 50,000 YAML events.
    case tooManyNodes = "too-many-nodes"
    /// Lists and maps are nested more than 32 levels deep.
    case tooDeep = "too-deep"
    /// A string is longer than 64 KiB.
    case textTooLong = "text-too-long"
    /// A file is not valid YAML.
    case syntax
    /// A tab is used where YAML requires spaces.
    case tab
    /// An anchor is not allowed.
    case anchor
    /// An alias is not allowed.
    case alias
    /// A merge key is not allowed.
    case mergeKey = "merge-key"
    /// A tag is not allowed.
    case tag
    /// A map has the same key twice.
    case duplicateKey = "duplicate-key"
    /// A key is not a string.
    case keyNotText = "key-not-text"
    /// A file has more errors or warnings than are shown.
    case tooManyMistakes = "too-many-mistakes"

    // Documents and keys.

    /// A document is not a map of keys and values.
    case notAMapping = "not-a-mapping"
    /// A document has no `kind`.
    case missingKind = "missing-kind"
    /// The `kind` of a document is unknown.
    case unknownKind = "unknown-kind"
    /// A key is unknown, or belongs to another map.
    case unknownKey = "unknown-key"
    /// A required key is missing.
    case missingKey = "missing-key"
    /// A key has no value.
    case missingValue = "missing-value"

    // Values.

    /// A value has the wrong type.
    case wrongType = "wrong-type"
    /// A value is not one of the allowed values.
    case unknownValue = "unknown-value"
    /// A string is empty where a value is required.
    case emptyText = "empty-text"
    /// A number, size or duration is too small or too large.
    case outOfRange = "out-of-range"
    /// A name contains characters that are not allowed in names.
    case invalidName = "invalid-name"
    /// A reference is not a valid name.
    case invalidReference = "invalid-reference"
    /// A duration is not valid.
    case invalidDuration = "invalid-duration"
    /// A size is not valid.
    case invalidSize = "invalid-size"
    /// A umask is not an octal number.
    case invalidUmask = "invalid-umask"
    /// The name of a user or a group is not valid.
    case invalidAccount = "invalid-account"
    /// A regular expression is not valid.
    case invalidPattern = "invalid-pattern"
    /// A cron expression is not valid.
    case invalidCron = "invalid-cron"
    /// A time zone is unknown.
    case unknownTimeZone = "unknown-time-zone"
    /// A time is not valid RFC 3339.
    case invalidTime = "invalid-time"
    /// A hold has ended (a warning).
    case expiredHold = "expired-hold"
    /// A signal is unknown.
    case unknownSignal = "unknown-signal"
    /// The stop signal suspends or continues a program and does not end it (a warning).
    case suspendingSignal = "suspending-signal"
    /// A TCP address is not valid, or cannot be bound.
    case invalidAddress = "invalid-address"
    /// A URL or the path of a request is not valid.
    case invalidURL = "invalid-url"
    /// A path is not valid.
    case invalidPath = "invalid-path"
    /// The path of a socket is longer than 107 bytes (SK-7).
    case socketPathTooLong = "socket-path-too-long"
    /// The name of a variable or a label is not valid.
    case invalidVariable = "invalid-variable"
    /// A list is empty where an item is required.
    case emptyList = "empty-list"
    /// A list contains an item twice (a warning).
    case listedTwice = "listed-twice"

    // Actions.

    /// A service has no actions.
    case noActions = "no-actions"
    /// An action has neither `exec` nor `script`.
    case noProgram = "no-program"
    /// An action has both `exec` and `script`.
    case twoPrograms = "two-programs"
    /// An action has an `interpreter` but no `script`.
    case interpreterWithoutScript = "interpreter-without-script"
    /// A process has a `timeout`, which applies only to one-shots.
    case timeoutOfProcess = "timeout-of-process"
    /// A probe has no check.
    case noQuestion = "no-question"
    /// A probe has more than one check.
    case twoQuestions = "two-questions"
    /// A timing key has no effect with `notify` or `watchdog` (a warning).
    case mannerOfNothing = "manner-of-nothing"
    /// `ready: {notify: true}` has no effect in a one-shot (a warning).
    case readyOfOneShot = "ready-of-one-shot"
    /// A schedule has neither `cron` nor `every`.
    case noRhythm = "no-rhythm"
    /// A schedule has both `cron` and `every`.
    case twoRhythms = "two-rhythms"
    /// A process has a `schedule` or `run_on`, which apply only to one-shots.
    case standaloneProcess = "standalone-process"
    /// `when: stopped` has no meaning for an action, or for all actions of a service.
    case misplacedWhen = "misplaced-when"
    /// `once` applies only to one-shots that run when their service starts.
    case misplacedOnce = "misplaced-once"
    /// `reload` or `files` has no meaning for an action, or the values of `reload` exclude each other.
    case misplacedReload = "misplaced-reload"
    /// A `health` probe has no effect in a one-shot (a warning).
    case healthOfOneShot = "health-of-one-shot"
    /// A service has two actions with the same name.
    case duplicateAction = "duplicate-action"
    /// A service lists a standalone action.
    case standaloneInService = "standalone-in-service"

    /// A program without network binds a port, or has a probe that needs the network.
    case sandboxWithoutNetwork = "sandbox-without-network"
    /// A file that a program creates for others is out of reach in its sandbox.
    case sandboxHidesPath = "sandbox-hides-path"
    /// A program can leave its sandbox (a warning).
    case sandboxNoBarrier = "sandbox-no-barrier"

    // Variables.

    /// `${NAME}` has no value.
    case unresolvedVariable = "unresolved-variable"
    /// A text begins with `${` but is not a valid reference to a variable.
    case malformedVariable = "malformed-variable"
    /// A value in `vars` refers to another variable of `vars`.
    case variableInVars = "variable-in-vars"
    /// An `expand` of a variable uses another one that has an `expand`.
    case nestedExpansion = "nested-expansion"
    /// `exec` or `env` contains a variable of another tool, which is passed on as it is (a warning).
    case foreignVariable = "foreign-variable"
    /// A relative path of a program or script is looked up in `/`, because no `cwd` is given (a warning).
    case relativePath = "relative-path"
    /// A default is used although the environment has the variable, because `pass_env` does not list it (a warning).
    case unlistedVariable = "unlisted-variable"
    /// `${NAME}` refers to a variable whose name looks like that of a secret (a warning).
    case secretVariable = "secret-variable"
    /// A file of `vars_files` cannot be read.
    case unreadableVariables = "unreadable-variables"
    /// No manifest uses a variable that is set with `--var` (a warning).
    case unusedVariable = "unused-variable"

    // The set as a whole.

    /// A name is declared twice.
    case duplicateName = "duplicate-name"
    /// A referenced name is not declared (an error or a warning).
    case unknownReference = "unknown-reference"
    /// A service refers to itself.
    case selfReference = "self-reference"
    /// Services wait for each other in a cycle.
    case cycle
    /// A service requires another service that is never up (a warning).
    case requiresStopped = "requires-stopped"
    /// A key concerns the end of a service that never ends by itself.
    case neverEnds = "never-ends"
    /// Two services that conflict both have `status: start`.
    case conflictWanted = "conflict-wanted"
    /// A service conflicts with a service that it requires.
    case conflictWithRequirement = "conflict-with-requirement"
    /// Two actions bind the same TCP port.
    case portClaimedTwice = "port-claimed-twice"
    /// Two actions bind the same socket.
    case socketClaimedTwice = "socket-claimed-twice"
    /// Two logs have the same `log.link`.
    case linkClaimedTwice = "link-claimed-twice"
    /// The set has more than one `kind: Settings`.
    case secondSettings = "second-settings"
    /// A required core manifest is not declared.
    case requiredCoreMissing = "required-core-missing"
    /// A required core service does not have `status: start` (a warning).
    case requiredNotStarted = "required-not-started"
}

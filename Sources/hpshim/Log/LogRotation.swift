import CHeroFailpoints
import CHeroShim

/// The files of one log: the active file, and up to `keptFiles` earlier ones, named `.1`, `.2` and so on.
struct LogRotation {
    let path: UnsafePointer<CChar>
    private let keptFiles: Int

    init(path: UnsafePointer<CChar>, keptFiles: Int) {
        self.path = path
        self.keptFiles = keptFiles
    }

    /// Renames each file to the next number and creates the active file.
    ///
    /// - Returns: Its descriptor, or a negative errno.
    func rotate() -> Int32 {
        var active = shim_file()
        let renameResult = shim_lstat(path, &active) == 0 ? shiftFiles() : 0
        hero_failpoint(FP_LG_1)
        let descriptor = shim_create_log(path)
        // The old file still exists because it could not be renamed: report that error.
        if descriptor == -Int32(SHIM_EEXIST), renameResult < 0 { return renameResult }
        guard descriptor == -Int32(SHIM_ENOENT) else { return descriptor }
        createParentDirectories()
        return shim_create_log(path)
    }

    /// Frees the name of the active file; returns 0 or a negative errno.
    private func shiftFiles() -> Int32 {
        guard keptFiles > 0 else { return shim_remove(path) }
        // Up to the first free number: later files need not be renamed.
        var freeNumber = 1
        var found = shim_file()
        while freeNumber <= keptFiles, shim_lstat(numberedPath(freeNumber, in: 0), &found) == 0 { freeNumber += 1 }
        if freeNumber > keptFiles {
            removeExcessFiles()
            freeNumber = keptFiles
        }
        // From the highest number down, so that a kill between two steps loses no file.
        while freeNumber > 1 {
            _ = shim_rename(numberedPath(freeNumber - 1, in: 0), numberedPath(freeNumber, in: 1))
            freeNumber -= 1
        }
        let renameResult = shim_rename(path, numberedPath(1, in: 0))
        // The target is a non-empty directory that another program created: the active file is removed instead.
        return renameResult == -Int32(SHIM_EISDIR) ? shim_remove(path) : renameResult
    }

    /// Removes the oldest file, and files beyond it from a time when more files were kept.
    private func removeExcessFiles() {
        hero_failpoint(FP_LG_3)
        var number = keptFiles
        while number <= 100, shim_remove(numberedPath(number, in: 0)) == 0 { number += 1 }
    }

    /// `<path>.<number>`, in static memory.
    private func numberedPath(_ number: Int, in scratch: Int32) -> UnsafePointer<CChar> {
        let text = shim_scratch(scratch)
        var end = shim_length(path)
        shim_copy(text, path, end)
        text[end] = 0x2e
        end += 1
        if number >= 100 {
            text[end] = CChar(truncatingIfNeeded: 0x30 + number / 100)
            end += 1
        }
        if number >= 10 {
            text[end] = CChar(truncatingIfNeeded: 0x30 + number / 10 % 10)
            end += 1
        }
        text[end] = CChar(truncatingIfNeeded: 0x30 + number % 10)
        text[end + 1] = 0
        return UnsafePointer(text)
    }

    /// Creates the missing parent directories with mode 0700.
    private func createParentDirectories() {
        let text = shim_scratch(0)
        let length = shim_length(path)
        shim_copy(text, path, length + 1)
        var index = 1
        while index < length {
            if text[index] == 0x2f {
                text[index] = 0
                _ = shim_make_directory(text)
                text[index] = 0x2f
            }
            index += 1
        }
    }
}

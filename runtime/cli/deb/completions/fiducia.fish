# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_fiducia_global_optspecs
    string join \n h/help V/version
end

function __fish_fiducia_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_fiducia_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_fiducia_using_subcommand
    set -l cmd (__fish_fiducia_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c fiducia -n "__fish_fiducia_needs_command" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_needs_command" -s V -l version -d 'Print version'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "detect" -d 'Find the landmarks on one or several images'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "inspect" -d 'Show what a model pack holds'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "patch" -d 'Add landmarks to a model pack, take them out, list them'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "bench" -d 'Time the detection of one image, stage by stage, and say what the board says of itself meanwhile'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "devices" -d 'List what can run the networks'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "link" -d 'Answer a micro-controller over a serial line: exposure in, landmarks out'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "serve" -d 'Be a DICOM node: images in, structured reports and presentation states out'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "view" -d 'Open a page on this machine: drop an image there, see landmarks and measures, export them'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l model -d 'Model pack; by default models/head.fid in the working folder, else in ../share/fiducia beside the program\'s folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l backend -d 'What runs the networks' -r -f -a "auto\t''
cpu\t''
gpu\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l adapter -d 'Run on the first GPU adapter whose name contains this, such as one that `fiducia devices` lists; the only way to a software rasteriser' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l precision -d 'How a GPU keeps the networks\' numbers: f16 halves the bytes between layers and moves landmarks by less than 0.2 px, int8 computes large layers in bytes and moves them by less than 0.3 px, few uncertain ones by more' -r -f -a "f32\t''
f16\t''
int8\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l cache -d 'Folder in which the outcome of a GPU\'s self-test and the compiled shaders are kept; by default fiducia in the user\'s cache folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l landmarks -d 'Find these landmarks only, names separated by commas; they come out as they do among all' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l require-signed -d 'Use the pack only where the maker with this public key (PEM) signed it and all patches in it' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l spacing -d 'Size of an image pixel, mm: one number, or x,y; whatever the file says. Without it that of a DICOM file is taken where it can be trusted, else positions are in px only' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l json -d 'Write the report as JSON (- for standard output); an array for several images or a folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l csv -d 'Write one row per landmark as CSV (- for standard output)' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l measures -d 'Write angles, lengths and ratios between the landmarks of a lateral head film as CSV to this file, or - for standard output' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l overlay -d 'Draw the landmarks over the image; for several images or a folder, name an existing folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l dicom -d 'Write the result as DICOM objects into this existing folder, for DICOM images; of a refused image a report that says why' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l dicom-kinds -d 'Which objects, separated by commas: sr3d (structured report, Comprehensive 3D SR), sr (the same as Comprehensive SR, for older archives), gsps (presentation state, drawn over the image by viewers), sc (picture with the landmarks burned in, secondary capture)' -r -f -a "sr3d\t''
sr\t''
gsps\t''
sc\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l self-test -d 'Test the GPU\'s shaders now and compile them anew, whatever an earlier run found and kept'
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l correct-magnification -d 'Divide a spacing at the detector by the magnification that the DICOM file states: millimetres in the body'
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l invert -d 'Invert the grey values first, of every image: for films on which bone is dark. MONOCHROME1 of DICOM needs it not'
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -s q -l quiet -d 'No table, notes or progress, only errors'
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand inspect" -l verify -d 'Fail unless the maker with this public key (PEM) signed the pack and all patches in it' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand inspect" -l json -d 'As JSON'
complete -c fiducia -n "__fish_fiducia_using_subcommand inspect" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and not __fish_seen_subcommand_from add remove list help" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and not __fish_seen_subcommand_from add remove list help" -a "add" -d 'Add the landmarks of patches (`fiducia-train add-landmark`); the others stay byte for byte'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and not __fish_seen_subcommand_from add remove list help" -a "remove" -d 'Take a landmark out; the others are found as before'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and not __fish_seen_subcommand_from add remove list help" -a "list" -d 'Show the landmarks and where they come from'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and not __fish_seen_subcommand_from add remove list help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from add" -l require-signed -d 'Add a patch only where the maker with this public key (PEM) signed it' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from remove" -l unsign -d 'Go on although the pack loses its signature'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add the landmarks of patches (`fiducia-train add-landmark`); the others stay byte for byte'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take a landmark out; the others are found as before'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show the landmarks and where they come from'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l model -d 'Model pack; by default models/head.fid in the working folder, else in ../share/fiducia beside the program\'s folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l backend -d 'What runs the networks' -r -f -a "auto\t''
cpu\t''
gpu\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l adapter -d 'Run on the first GPU adapter whose name contains this, such as one that `fiducia devices` lists; the only way to a software rasteriser' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l precision -d 'How a GPU keeps the networks\' numbers: f16 halves the bytes between layers and moves landmarks by less than 0.2 px, int8 computes large layers in bytes and moves them by less than 0.3 px, few uncertain ones by more' -r -f -a "f32\t''
f16\t''
int8\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l cache -d 'Folder in which the outcome of a GPU\'s self-test and the compiled shaders are kept; by default fiducia in the user\'s cache folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l spacing -d 'Size of an image pixel, mm: one number, or x,y' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l runs -d 'Timed runs' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l warm-up -d 'Runs before them, which do not count' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l self-test -d 'Test the GPU\'s shaders now and compile them anew, whatever an earlier run found and kept'
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l profile -d 'Time each step of the GPU path too, and hold it against what this GPU reaches, which is measured as well'
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l json -d 'As JSON'
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand devices" -l json -d 'As JSON'
complete -c fiducia -n "__fish_fiducia_using_subcommand devices" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l port -d 'Serial port or pseudo-terminal; 8 data bits, no parity, 1 stop bit, no flow control' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l baud -d 'Speed of the serial port, bits per second' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l tcp -d 'Connect here instead: an emulator, or a converter from serial lines to a network' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l watch -d 'Folder into which the images of exposures come' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l image -d 'The image of every exposure' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l spacing -d 'Size of an image pixel at the detector, mm: one number, or x,y' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l model -d 'Model pack; by default models/head.fid in the working folder, else in ../share/fiducia beside the program\'s folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l require-signed -d 'Use the pack only where the maker with this public key (PEM) signed it and all patches in it' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l backend -d 'What runs the networks' -r -f -a "auto\t''
cpu\t''
gpu\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l adapter -d 'Run on the first GPU adapter whose name contains this, such as one that `fiducia devices` lists; the only way to a software rasteriser' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l precision -d 'How a GPU keeps the networks\' numbers: f16 halves the bytes between layers and moves landmarks by less than 0.2 px, int8 computes large layers in bytes and moves them by less than 0.3 px, few uncertain ones by more' -r -f -a "f32\t''
f16\t''
int8\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l cache -d 'Folder in which the outcome of a GPU\'s self-test and the compiled shaders are kept; by default fiducia in the user\'s cache folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l patience -d 'How long to wait for an image where the request does not say, ms' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l invert -d 'Invert the grey values first: for images on which bone is dark (MONOCHROME1)'
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l self-test -d 'Test the GPU\'s shaders now and compile them anew, whatever an earlier run found and kept'
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand serve" -l config -d 'Configuration, TOML' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand serve" -l check -d 'Check the configuration, and the packs and certificates that it names, and end'
complete -c fiducia -n "__fish_fiducia_using_subcommand serve" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l model -d 'Model pack; by default models/head.fid in the working folder, else in ../share/fiducia beside the program\'s folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l require-signed -d 'Only a model that is signed with this public key (PEM)' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l backend -d 'What runs the networks' -r -f -a "auto\t''
cpu\t''
gpu\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l adapter -d 'Run on the first GPU adapter whose name contains this, such as one that `fiducia devices` lists; the only way to a software rasteriser' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l precision -d 'How a GPU keeps the networks\' numbers: f16 halves the bytes between layers and moves landmarks by less than 0.2 px, int8 computes large layers in bytes and moves them by less than 0.3 px, few uncertain ones by more' -r -f -a "f32\t''
f16\t''
int8\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l cache -d 'Folder in which the outcome of a GPU\'s self-test and the compiled shaders are kept; by default fiducia in the user\'s cache folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l port -d 'Port of the page on 127.0.0.1; 0 takes a free one' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l self-test -d 'Test the GPU\'s shaders now and compile them anew, whatever an earlier run found and kept'
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "detect" -d 'Find the landmarks on one or several images'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "inspect" -d 'Show what a model pack holds'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "patch" -d 'Add landmarks to a model pack, take them out, list them'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "bench" -d 'Time the detection of one image, stage by stage, and say what the board says of itself meanwhile'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "devices" -d 'List what can run the networks'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "link" -d 'Answer a micro-controller over a serial line: exposure in, landmarks out'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "serve" -d 'Be a DICOM node: images in, structured reports and presentation states out'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "view" -d 'Open a page on this machine: drop an image there, see landmarks and measures, export them'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and __fish_seen_subcommand_from patch" -f -a "add" -d 'Add the landmarks of patches (`fiducia-train add-landmark`); the others stay byte for byte'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and __fish_seen_subcommand_from patch" -f -a "remove" -d 'Take a landmark out; the others are found as before'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and __fish_seen_subcommand_from patch" -f -a "list" -d 'Show the landmarks and where they come from'

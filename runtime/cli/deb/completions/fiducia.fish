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
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "detect" -d 'Find landmarks on images'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "inspect" -d 'Show the contents of a model file'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "patch" -d 'Add, remove or list the landmarks of a model file'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "bench" -d 'Time the detection of one image, stage by stage, and report board power, clocks and temperatures'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "devices" -d 'List the devices that can run the networks'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "link" -d 'Send landmarks to a micro-controller over a serial line'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "serve" -d 'Run a DICOM node: receive images, send structured reports and presentation states'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "view" -d 'Serve a local page for the browser: drop an image, see landmarks and measures, export them'
complete -c fiducia -n "__fish_fiducia_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l model -d 'Model file. Default: models/head.fid in the working folder, else ../share/fiducia/models/head.fid beside the program\'s folder, else the head model (lateral cephalograms) that is embedded in the program' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l require-signed -d 'Accept only a model that the maker with this public key (PEM file) signed, with all its patches. Default: signed or not' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l backend -d 'Device that runs the networks. auto: a hardware GPU if there is one, else the CPU; cpu, gpu: this one or fail' -r -f -a "auto\t''
cpu\t''
gpu\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l adapter -d 'Use the first GPU adapter whose name contains NAME (see `fiducia devices`); the only way to use a software rasteriser. Default: the first hardware GPU' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l precision -d 'Number format on the GPU. f16: half the bytes between layers, landmarks move by less than 0.2 px. int8: large layers in 8-bit integers, landmarks move by less than 0.3 px, a few uncertain ones by more' -r -f -a "f32\t''
f16\t''
int8\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l cache -d 'Folder for the results of GPU self-tests and for compiled shaders. Default: fiducia in the user\'s cache folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l landmarks -d 'Detect only these landmarks, separated by commas; positions are unchanged. Default: all landmarks of the model' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l spacing -d 'Pixel spacing at the detector, mm per px, 0.001 to 100: one number, or x,y. Overrides the file. Default: from a DICOM file if it can be trusted; else positions are in px only' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l json -d 'Write the report as JSON (- for standard output); an array for several images or a folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l csv -d 'Write one row per landmark as CSV (- for standard output)' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l measures -d 'Write the cephalometric measures (angles, lengths, ratios) of lateral head radiographs as CSV (- for standard output)' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l overlay -d 'Write the image with its landmarks as PNG; for several images or a folder: an existing folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l dicom -d 'Write the results of DICOM images as DICOM objects into this existing folder; for a refused image a report with the reason' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l dicom-kinds -d 'Which objects, separated by commas: sr3d (structured report, Comprehensive 3D SR), sr (the same as Comprehensive SR, for older archives), gsps (presentation state, which viewers draw over the image), sc (secondary capture: the image with the landmarks burned in)' -r -f -a "sr3d\t''
sr\t''
gsps\t''
sc\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l self-test -d 'Repeat the self-test of the GPU\'s shaders and compile them again; ignore the cached results of earlier runs'
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l correct-magnification -d 'Convert detector-plane to patient-plane spacing by the magnification in the DICOM file'
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -l invert -d 'Invert the grey values of every image first: for images with dark bone. MONOCHROME1 is inverted automatically'
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -s q -l quiet -d 'Print errors only: no table, notes or progress'
complete -c fiducia -n "__fish_fiducia_using_subcommand detect" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand inspect" -l verify -d 'Fail unless the maker with this public key (PEM file) signed the model and all its patches' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand inspect" -l json -d 'Print JSON instead of text'
complete -c fiducia -n "__fish_fiducia_using_subcommand inspect" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and not __fish_seen_subcommand_from add remove list help" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and not __fish_seen_subcommand_from add remove list help" -a "add" -d 'Add the landmarks of patches (see `fiducia-train add-landmark`); the others stay byte for byte'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and not __fish_seen_subcommand_from add remove list help" -a "remove" -d 'Remove a landmark; the positions of the others are unchanged'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and not __fish_seen_subcommand_from add remove list help" -a "list" -d 'List the landmarks and their origin: the model or a patch'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and not __fish_seen_subcommand_from add remove list help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from add" -l require-signed -d 'Accept only patches that the maker with this public key (PEM file) signed. Default: signed or not' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from remove" -l unsign -d 'Remove it even if the model loses its signature'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add the landmarks of patches (see `fiducia-train add-landmark`); the others stay byte for byte'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove a landmark; the positions of the others are unchanged'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the landmarks and their origin: the model or a patch'
complete -c fiducia -n "__fish_fiducia_using_subcommand patch; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l model -d 'Model file. Default: models/head.fid in the working folder, else ../share/fiducia/models/head.fid beside the program\'s folder, else the head model (lateral cephalograms) that is embedded in the program' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l require-signed -d 'Accept only a model that the maker with this public key (PEM file) signed, with all its patches. Default: signed or not' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l backend -d 'Device that runs the networks. auto: a hardware GPU if there is one, else the CPU; cpu, gpu: this one or fail' -r -f -a "auto\t''
cpu\t''
gpu\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l adapter -d 'Use the first GPU adapter whose name contains NAME (see `fiducia devices`); the only way to use a software rasteriser. Default: the first hardware GPU' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l precision -d 'Number format on the GPU. f16: half the bytes between layers, landmarks move by less than 0.2 px. int8: large layers in 8-bit integers, landmarks move by less than 0.3 px, a few uncertain ones by more' -r -f -a "f32\t''
f16\t''
int8\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l cache -d 'Folder for the results of GPU self-tests and for compiled shaders. Default: fiducia in the user\'s cache folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l spacing -d 'Pixel spacing, mm per px, 0.001 to 100: one number, or x,y. Default: from the DICOM file, else unknown' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l runs -d 'Number of timed runs' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l warm-up -d 'Number of warm-up runs before the timed ones; they are not counted' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l self-test -d 'Repeat the self-test of the GPU\'s shaders and compile them again; ignore the cached results of earlier runs'
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l profile -d 'Also time each step on the GPU, and compare it with the measured peak of this GPU'
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -l json -d 'Print JSON instead of a table'
complete -c fiducia -n "__fish_fiducia_using_subcommand bench" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand devices" -l json -d 'Print JSON instead of a table'
complete -c fiducia -n "__fish_fiducia_using_subcommand devices" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l port -d 'Serial port or pseudo-terminal; 8 data bits, no parity, 1 stop bit, no flow control' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l baud -d 'Speed of the serial port, bits per second, 1,200 to 4,000,000' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l tcp -d 'Connect to this address instead of a port: an emulator, or a serial-to-network converter' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l watch -d 'Folder in which the images of exposures arrive' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l image -d 'The image of every exposure' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l spacing -d 'Pixel spacing at the detector, mm per px, 0.001 to 100: one number, or x,y' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l model -d 'Model file. Default: models/head.fid in the working folder, else ../share/fiducia/models/head.fid beside the program\'s folder, else the head model (lateral cephalograms) that is embedded in the program' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l require-signed -d 'Accept only a model that the maker with this public key (PEM file) signed, with all its patches. Default: signed or not' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l backend -d 'Device that runs the networks. auto: a hardware GPU if there is one, else the CPU; cpu, gpu: this one or fail' -r -f -a "auto\t''
cpu\t''
gpu\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l adapter -d 'Use the first GPU adapter whose name contains NAME (see `fiducia devices`); the only way to use a software rasteriser. Default: the first hardware GPU' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l precision -d 'Number format on the GPU. f16: half the bytes between layers, landmarks move by less than 0.2 px. int8: large layers in 8-bit integers, landmarks move by less than 0.3 px, a few uncertain ones by more' -r -f -a "f32\t''
f16\t''
int8\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l cache -d 'Folder for the results of GPU self-tests and for compiled shaders. Default: fiducia in the user\'s cache folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l timeout -d 'How long to wait for an image if the request does not say, ms, 1 to 600,000' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l invert -d 'Invert the grey values first: for images with dark bone. MONOCHROME1 is inverted automatically'
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -l self-test -d 'Repeat the self-test of the GPU\'s shaders and compile them again; ignore the cached results of earlier runs'
complete -c fiducia -n "__fish_fiducia_using_subcommand link" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand serve" -l config -d 'Configuration file (TOML)' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand serve" -l check -d 'Check the configuration with its models, certificates and keys, and exit'
complete -c fiducia -n "__fish_fiducia_using_subcommand serve" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l model -d 'Model file. Default: models/head.fid in the working folder, else ../share/fiducia/models/head.fid beside the program\'s folder, else the head model (lateral cephalograms) that is embedded in the program' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l require-signed -d 'Accept only a model that the maker with this public key (PEM file) signed, with all its patches. Default: signed or not' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l backend -d 'Device that runs the networks. auto: a hardware GPU if there is one, else the CPU; cpu, gpu: this one or fail' -r -f -a "auto\t''
cpu\t''
gpu\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l adapter -d 'Use the first GPU adapter whose name contains NAME (see `fiducia devices`); the only way to use a software rasteriser. Default: the first hardware GPU' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l precision -d 'Number format on the GPU. f16: half the bytes between layers, landmarks move by less than 0.2 px. int8: large layers in 8-bit integers, landmarks move by less than 0.3 px, a few uncertain ones by more' -r -f -a "f32\t''
f16\t''
int8\t''"
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l cache -d 'Folder for the results of GPU self-tests and for compiled shaders. Default: fiducia in the user\'s cache folder' -r -F
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l port -d 'Port of the page on 127.0.0.1; 0 selects a free one' -r
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -l self-test -d 'Repeat the self-test of the GPU\'s shaders and compile them again; ignore the cached results of earlier runs'
complete -c fiducia -n "__fish_fiducia_using_subcommand view" -s h -l help -d 'Print help'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "detect" -d 'Find landmarks on images'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "inspect" -d 'Show the contents of a model file'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "patch" -d 'Add, remove or list the landmarks of a model file'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "bench" -d 'Time the detection of one image, stage by stage, and report board power, clocks and temperatures'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "devices" -d 'List the devices that can run the networks'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "link" -d 'Send landmarks to a micro-controller over a serial line'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "serve" -d 'Run a DICOM node: receive images, send structured reports and presentation states'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "view" -d 'Serve a local page for the browser: drop an image, see landmarks and measures, export them'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and not __fish_seen_subcommand_from detect inspect patch bench devices link serve view help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and __fish_seen_subcommand_from patch" -f -a "add" -d 'Add the landmarks of patches (see `fiducia-train add-landmark`); the others stay byte for byte'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and __fish_seen_subcommand_from patch" -f -a "remove" -d 'Remove a landmark; the positions of the others are unchanged'
complete -c fiducia -n "__fish_fiducia_using_subcommand help; and __fish_seen_subcommand_from patch" -f -a "list" -d 'List the landmarks and their origin: the model or a patch'

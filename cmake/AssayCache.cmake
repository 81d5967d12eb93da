# ASSAY_CACHE_FOLDER: where tools/setup.sh puts what it installs that is no Debian package.
if(DEFINED ENV{ASSAY_CACHE})
  set(ASSAY_CACHE_FOLDER "$ENV{ASSAY_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(ASSAY_CACHE_FOLDER "$ENV{XDG_CACHE_HOME}/assay")
else()
  set(ASSAY_CACHE_FOLDER "$ENV{HOME}/.cache/assay")
endif()
